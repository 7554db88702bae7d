use super::render::render;

#[test]
fn dump() {
    let text = "#!/usr/bin/env python\n\n# about os\nimport os, sys as system\nfrom a.b import (c, d as e)  # x\nfrom z import *\nfrom __future__ import annotations\n\nMODULES = {\n    'home': 'h', # c\n    **x,\n    'risk': {'a': 1},\n}\nurlpatterns = [\n    path('', home),\n    path('risk/', risk),\n]\nMIDDLEWARE = ['a', 'b']\n\n\n@app.route('/x', methods=['GET', 'POST'])\ndef hello(a, b=1):\n    return 'hi'\n\nclass Service(Base):\n    X = 1\n    # lonely\n\n    # above\n    def run(self):\n        return 2\n\n    @property\n    def p(self): pass\n    @p.setter\n    def p(self, v): pass\n\nclass Kind(Enum):\n    A = 1\n    B = 'b'\n\ndef create_app():\n    app = Flask(__name__)\n    app.register_blueprint(home_bp, url_prefix='/home')\n    app.config['A'] = 1\n    if x:\n        import y\n        def inner(): pass\n    else:\n        def inner(): pass\n    return app\n# end\n";
    println!("{}", render("a.py", text));
    println!(
        "{}",
        render(
            "a.html",
            "<!DOCTYPE html>\n<html><head><link rel=x href='/a.css'><script src='x.js'></script></head><body>\n<nav>\n  <ul>\n    <li><a href=\"/\">Home</a></li>\n   {% if x %}\n  {% endif %} <li><a href=\"{{ url_for('r') }}\">Risk</a></li>\n  </ul>\n</nav><main id=m>{% block c %}{% endblock %}</main></body></html>\n"
        )
    );
    println!(
        "{}",
        render(
            "package.json",
            "{\n  \"dependencies\": {\n    \"express\": \"^4.21.0\"\n  }, \"files\": [\"a\"], \"o\": [1,2], \"n\": [{\"id\":1}]\n}\n"
        )
    );
    println!(
        "{}",
        render("requirements.txt", "# top\n\nflask==3.1.0\n# a\nJinja_2[x]>=2 ; python_version<'3'\n-r base.txt\n")
    );
    println!(
        "{}",
        render("setup.cfg", "[metadata]\nname = x\n\n# deps\n[options]\ninstall_requires =\n    a\n    b>1\n")
    );
    println!("{}", render(".env", "A=1\n# c\nexport B=\"x\ny\"\n"));
}
