use super::render::render;

#[test]
fn dump() {
    println!(
        "{}",
        render(
            "a.js",
            r#"'use strict';
const express = require('express');
const { a, b: c } = require('./x');
import './side';
import D, { e, f as g } from 'm';
const app = express();
app.use('/', home);
app.use(cors());
app.get('/risk', (req, res) => {
  res.send('x');
});
export const X = { a: 1, ...b, c() {}, [d]: 2 };
const routes = [{ path: '/a', component: A }, { path: '*', component: B }];
class S { static x = 1; run(a) { return 1; } get y() { return 2 } }
module.exports = { app, x };
exports.f = f;
describe('s', () => { it('a', () => {}); test('b', () => { foo(); }); });
const Nav = () => (<nav><ul>
  <li><Link to="/a">A</Link></li>
  <Route path="/x" element={<X />} />
</ul></nav>);
"#
        )
    );
    println!(
        "{}",
        render(
            "a.ts",
            r#"export * from './a';
export { b } from './b';
export interface I { a: string; m(x: number): void; [k: string]: any }
export type K =
  | 'a'
  | 'b';
enum E { A, B = 2 }
@Component({ selector: 'x' })
export class C {
  @Input() a: string;
  constructor(private x: X) {}
  f(a: string): void;
  f(a: number): void;
  f(a: any) { }
}
export default function main() {}
const routes: Routes = [{ path: 'a' }] as const;
"#
        )
    );
    println!(
        "{}",
        render("a.yml", "a:\n  b:\n    - x\n    # in seq\n  # about c\n  c: 1\n# about d\nd:\n- x\n# about e\ne: 1\n")
    );
}
