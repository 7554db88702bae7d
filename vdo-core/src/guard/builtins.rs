//! What comes with a language, and how packages are imported that have other names.

/// The modules of Python's standard library, sorted.
#[rustfmt::skip]
pub(super) const PYTHON: &[&str] = &[
    "__future__", "_collections_abc", "_frozen_importlib", "_io", "_socket", "_thread", "_typeshed", "_weakrefset",
    "_winapi", "abc", "aifc", "annotationlib", "antigravity", "argparse", "array", "ast", "asynchat", "asyncio",
    "asyncore", "atexit", "audioop", "base64", "bdb", "binascii", "bisect", "builtins", "bz2", "cProfile", "calendar",
    "cgi", "cgitb", "chunk", "cmath", "cmd", "code", "codecs", "codeop", "collections", "colorsys", "compileall",
    "compression", "concurrent", "configparser", "contextlib", "contextvars", "copy", "copyreg", "crypt", "csv",
    "ctypes", "curses", "dataclasses", "datetime", "dbm", "decimal", "difflib", "dis", "distutils", "doctest", "email",
    "encodings", "ensurepip", "enum", "errno", "faulthandler", "fcntl", "filecmp", "fileinput", "fnmatch", "fractions",
    "ftplib", "functools", "gc", "genericpath", "getopt", "getpass", "gettext", "glob", "graphlib", "grp", "gzip",
    "hashlib", "heapq", "hmac", "html", "http", "idlelib", "imaplib", "imghdr", "imp", "importlib", "inspect", "io",
    "ipaddress", "itertools", "json", "keyword", "lib2to3", "linecache", "locale", "logging", "lzma", "mailbox",
    "mailcap", "marshal", "math", "mimetypes", "mmap", "modulefinder", "msilib", "msvcrt", "multiprocessing", "netrc",
    "nis", "nntplib", "nt", "ntpath", "nturl2path", "numbers", "opcode", "operator", "optparse", "os", "ossaudiodev",
    "pathlib", "pdb", "pickle", "pickletools", "pip", "pipes", "pkg_resources", "pkgutil", "platform", "plistlib",
    "poplib", "posix", "posixpath", "pprint", "profile", "pstats", "pty", "pwd", "py_compile", "pyclbr", "pydoc",
    "pydoc_data", "pyexpat", "queue", "quopri", "random", "re", "readline", "reprlib", "resource", "rlcompleter",
    "runpy", "sched", "secrets", "select", "selectors", "setuptools", "shelve", "shlex", "shutil", "signal", "site",
    "smtpd", "smtplib", "sndhdr", "socket", "socketserver", "spwd", "sqlite3", "sre_compile", "sre_constants",
    "sre_parse", "ssl", "stat", "statistics", "string", "stringprep", "struct", "subprocess", "sunau", "symtable",
    "sys", "sysconfig", "syslog", "tabnanny", "tarfile", "telnetlib", "tempfile", "termios", "test", "textwrap", "this",
    "threading", "time", "timeit", "tkinter", "token", "tokenize", "tomllib", "trace", "traceback", "tracemalloc",
    "tty", "turtle", "turtledemo", "types", "typing", "unicodedata", "unittest", "urllib", "uu", "uuid", "venv",
    "warnings", "wave", "weakref", "webbrowser", "winreg", "winsound", "wsgiref", "xdrlib", "xml", "xmlrpc", "zipapp",
    "zipfile", "zipimport", "zlib", "zoneinfo",
];

/// The modules that come with node, sorted.
#[rustfmt::skip]
pub(super) const NODE: &[&str] = &[
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
    "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net",
    "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "sea", "sqlite", "stream",
    "string_decoder", "sys", "test", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi",
    "worker_threads", "zlib",
];

/// Names under which packages are imported that are called otherwise.
#[rustfmt::skip]
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("Crypto", "pycryptodome"), ("IPython", "ipython"), ("MySQLdb", "mysqlclient"), ("OpenSSL", "pyopenssl"),
    ("PIL", "pillow"), ("_pytest", "pytest"), ("attr", "attrs"), ("bs4", "beautifulsoup4"),
    ("corsheaders", "django-cors-headers"), ("cv2", "opencv"), ("dateutil", "python-dateutil"),
    ("docx", "python-docx"), ("dotenv", "python-dotenv"), ("environ", "django-environ"), ("fitz", "pymupdf"),
    ("gi", "pygobject"), ("git", "gitpython"), ("google", "google"), ("graphene_django", "graphene-django"),
    ("grpc", "grpcio"), ("jose", "python-jose"), ("jwt", "pyjwt"), ("ldap", "python-ldap"), ("lxml", "lxml"),
    ("magic", "python-magic"), ("markdown_it", "markdown-it-py"), ("mpl_toolkits", "matplotlib"),
    ("multipart", "python-multipart"), ("nacl", "pynacl"), ("pluggy", "pytest"), ("pptx", "python-pptx"),
    ("psycopg2", "psycopg2-binary"), ("py", "pytest"), ("pylab", "matplotlib"),
    ("pythonjsonlogger", "python-json-logger"), ("rest_framework", "djangorestframework"),
    ("ruamel", "ruamel.yaml"), ("sentry_sdk", "sentry-sdk"), ("serial", "pyserial"), ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"), ("slugify", "python-slugify"), ("socks", "pysocks"),
    ("telegram", "python-telegram-bot"), ("typing_extensions", "typing-extensions"), ("usb", "pyusb"),
    ("win32api", "pywin32"), ("yaml", "pyyaml"), ("zmq", "pyzmq"),
];

/// Packages and what is there with them.
#[rustfmt::skip]
pub(super) const BRINGS: &[(&str, &[&str])] = &[
    ("aiohttp", &["yarl", "multidict", "aiosignal", "frozenlist"]),
    ("alembic", &["sqlalchemy", "mako"]),
    ("anyio", &["sniffio", "idna"]),
    ("black", &["click"]),
    ("boto3", &["botocore", "s3transfer"]),
    ("celery", &["kombu", "billiard", "vine"]),
    ("django", &["asgiref", "sqlparse"]),
    ("fastapi", &["starlette", "pydantic", "pydantic_core", "anyio", "typing_extensions"]),
    ("flask", &["werkzeug", "jinja2", "click", "itsdangerous", "markupsafe", "blinker"]),
    ("flask-sqlalchemy", &["sqlalchemy", "flask"]),
    ("httpx", &["httpcore", "anyio", "idna", "certifi", "h11"]),
    ("jinja2", &["markupsafe"]),
    ("matplotlib", &["numpy", "PIL", "dateutil"]),
    ("pandas", &["numpy", "dateutil", "pytz"]),
    ("pydantic", &["pydantic_core", "typing_extensions", "annotated_types"]),
    ("pytest", &["_pytest", "pluggy", "iniconfig", "packaging", "py"]),
    ("requests", &["urllib3", "idna", "certifi", "charset_normalizer", "chardet"]),
    ("rich", &["pygments", "markdown_it"]),
    ("scikit-learn", &["numpy", "scipy", "joblib"]),
    ("scipy", &["numpy"]),
    ("sphinx", &["docutils", "pygments", "jinja2"]),
    ("sqlalchemy", &["greenlet", "typing_extensions"]),
    ("sqlmodel", &["sqlalchemy", "pydantic"]),
    ("starlette", &["anyio", "httpx"]),
    ("torch", &["numpy"]),
    ("trio", &["outcome", "sniffio", "attr"]),
    ("twisted", &["zope", "incremental"]),
    ("typer", &["click", "rich"]),
    ("uvicorn", &["h11", "click"]),
];
