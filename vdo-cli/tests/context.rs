//! `vdo context`: which files of a folder matter to a query.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod support;

use support::Place;

fn shop() -> Place {
    let place = Place::new();
    place.write("shop/prices.py", "def discount_rate(customer):\n    return 0.1 if customer.is_loyal else 0\n");
    place.write("shop/cart.py", "class Cart:\n    def add_item(self, item):\n        self.items.append(item)\n");
    place.write("shop/mail.py", "def send_receipt(cart):\n    print('thanks')\n");
    place.write("shop/tests/test_prices.py", "from prices import discount_rate\n");
    place.write("shop/README.md", "# Shop\n\nSells at a discount.\n");
    place
}

#[test]
fn paths_are_printed_one_a_line_best_first_and_the_same_each_time() {
    let place = shop();
    let cold = place.run("context --repo shop --cache cache discount").exits(0);
    assert_eq!(cold.stdout, "prices.py\ncart.py\nmail.py\n");
    assert_eq!(place.run("context --repo shop --cache cache discount").exits(0).stdout, cold.stdout);
    assert_eq!(place.run("context --repo shop --no-cache discount").exits(0).stdout, cold.stdout);
    assert_eq!(place.run("context --repo shop --cache cache --limit 1 discount").exits(0).stdout, "prices.py\n");
}

#[test]
fn the_query_comes_from_a_file_as_well() {
    let place = shop();
    place.write("query.txt", "Mail the receipt\n\nTo the customer.\n");
    let found = place.run("context --repo shop --no-cache --limit 1 --query-file query.txt").exits(0);
    assert_eq!(found.stdout, "mail.py\n");
    place.run("context --repo shop --no-cache").exits(2).prints_nothing();
    place.run("context --repo shop --no-cache --query-file nowhere.txt").exits(2).says(&["nowhere.txt"]);
    place.run("context --repo nowhere --no-cache x").exits(2).says(&["nowhere is not a folder"]);
    place.run("context --repo shop --no-cache --without magic x").exits(2).says(&["magic"]);
}

#[test]
fn every_score_is_explained_and_a_signal_can_be_left_out() {
    let place = shop();
    let told = place.run("context --repo shop --no-cache --limit 1 --explain discount").exits(0);
    let mut lines = told.stdout.lines();
    assert_eq!(lines.next(), Some("prices.py"));
    let why = lines.next().unwrap();
    assert!(why.starts_with("#   ") && why.contains("text 0.170") && why.contains("passage 0.290"), "{why}");
    let told = place.run("context --repo shop --no-cache --limit 1 --explain --without passage discount").exits(0);
    assert!(!told.stdout.contains("passage"), "{}", told.stdout);
}

#[test]
fn json_has_the_parts_of_each_score_the_other_kinds_and_what_would_be_shown() {
    let place = shop();
    let found = place.run("context --repo shop --no-cache --json --budget 60 discount").exits(0).json();
    let first = &found["files"][0];
    let sum: f64 = first["parts"].as_object().unwrap().values().map(|part| part.as_f64().unwrap()).sum();
    assert!((first["score"].as_f64().unwrap() - sum).abs() < 1e-9, "{first}");
    assert_eq!(found["tests"][0]["path"], "tests/test_prices.py");
    assert_eq!(found["docs"][0]["path"], "README.md");
    let pack = &found["pack"];
    assert_eq!(pack["budget"], 60);
    assert!(pack["tokens"].as_u64().unwrap() <= 60, "{pack}");
    let views: Vec<(&str, &str)> = (pack["files"].as_array().unwrap().iter())
        .map(|file| (file["path"].as_str().unwrap(), file["view"].as_str().unwrap()))
        .collect();
    assert_eq!(views, [("cart.py", "name"), ("mail.py", "whole"), ("prices.py", "whole")]);
}
