"""The books, and ways to look at them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Book:
    title: str
    author: str
    year: int


BOOKS = [
    Book("The Left Hand of Darkness", "Ursula K. Le Guin", 1969),
    Book("Dune", "Frank Herbert", 1965),
    Book("Solaris", "Stanislaw Lem", 1961),
    Book("Kindred", "Octavia E. Butler", 1979),
]


def by_title():
    """Returns the books in the order of their titles, without an article in front."""
    return sorted(BOOKS, key=lambda book: book.title.removeprefix("The ").lower())


def by_year():
    """Returns the books in the order they appeared."""
    return sorted(BOOKS, key=lambda book: book.year)
