import threading
import unittest
from urllib.error import HTTPError
from urllib.request import urlopen
from wsgiref.simple_server import make_server

import app


class AppTest(unittest.TestCase):
    """Asks the application over HTTP."""

    @classmethod
    def setUpClass(cls):
        cls.server = make_server("127.0.0.1", 0, app.application, handler_class=app.QuietHandler)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def get(self, path):
        with urlopen(f"http://127.0.0.1:{self.server.server_port}{path}", timeout=10) as response:
            return response.read().decode("utf-8")

    def test_index_lists_every_book(self):
        page = self.get("/")
        for title in ["Dune", "Kindred", "Solaris", "The Left Hand of Darkness"]:
            self.assertIn(title, page)

    def test_unknown_pages_are_not_found(self):
        with self.assertRaises(HTTPError) as caught:
            self.get("/nowhere")
        self.assertEqual(caught.exception.code, 404)


if __name__ == "__main__":
    unittest.main()
