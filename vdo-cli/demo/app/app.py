"""Bookshelf: a small web application on Python's standard library alone."""

import html
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import catalog

TEMPLATES = Path(__file__).parent / "templates"


def page(title, body):
    """Puts a body into the layout that all pages share."""
    layout = (TEMPLATES / "base.html").read_text(encoding="utf-8")
    return layout.replace("{{ title }}", html.escape(title)).replace("{{ body }}", body)


def items(books):
    """Renders books as a list, escaped."""
    rows = (f"<li>{html.escape(book.title)} by {html.escape(book.author)}</li>" for book in books)
    return "<ul>" + "".join(rows) + "</ul>"


def index(environ):
    return "200 OK", "text/html", page("All books", items(catalog.by_title()))


def not_found(environ):
    return "404 Not Found", "text/html", page("Not found", "<p>There is no such page.</p>")


ROUTES = {
    "/": index,
}


def application(environ, start_response):
    """The WSGI entry point."""
    handler = ROUTES.get(environ.get("PATH_INFO") or "/", not_found)
    status, kind, text = handler(environ)
    data = text.encode("utf-8")
    start_response(status, [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(data)))])
    return [data]


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def serve(port):
    """Serves on the loopback interface and prints the port; 0 picks a free one."""
    with make_server("127.0.0.1", port, application, handler_class=QuietHandler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
