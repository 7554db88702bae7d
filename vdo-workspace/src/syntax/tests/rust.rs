use super::render::render;

#[test]
fn dump() {
    println!(
        "{}",
        render(
            "a.rs",
            r#"//! Docs.

#![deny(x)]
use std::io;
use std::io::{Read, Write as _, self};
use a::*;
pub mod home;
#[cfg(test)]
mod tests;

/// Kind
#[derive(Debug)]
pub enum Kind {
    /// Home
    Home = 1, // x
    Risk(u8),
}
pub struct S { pub a: u32, b: u8 }
pub const MODULES: &[&str] = &["a", "b"];
impl Foo for Bar<T> {
    fn run(&self, x: u8) -> u8 {
        let x = S { a: 1, ..d };
        match x {
            0 => 1,
            _ => { 9 }
        }
    }
}
fn app() -> Router {
    map.insert("a", 1);
    Router::new()
        .route("/", get(home))
        .route("/risk", get(risk))
        .layer(x)
}
"#
        )
    );
}
