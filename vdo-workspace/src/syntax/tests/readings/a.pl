package Shop::Cart;
use strict;
use List::Util qw(sum);
# Adds.
sub add {
  my ($self, $item) = @_;
  return sum(@items);
}
