library(dplyr)
# Adds numbers.
add <- function(x, y) {
  inner <- function(z) z
  sum(x, y)
}
