import unittest

import catalog


class CatalogTest(unittest.TestCase):
    def test_books_are_ordered_by_title_without_the_article(self):
        titles = [book.title for book in catalog.by_title()]
        self.assertEqual(titles, ["Dune", "Kindred", "The Left Hand of Darkness", "Solaris"])

    def test_books_are_ordered_by_year(self):
        self.assertEqual([book.year for book in catalog.by_year()], [1961, 1965, 1969, 1979])


if __name__ == "__main__":
    unittest.main()
