use proptest::prelude::*;

use super::document::{Document, Fields};
use super::hits::Hits;
use super::past::Past;
use super::query::Query;
use super::rank::{Ranked, Ranking, Signal, Weights};
use super::terms::{self, Terms, Token};
use crate::port::FileClass;
use crate::syntax::{Symbol, SymbolKind};

fn told(text: &str) -> Vec<String> {
    let mut told = Vec::new();
    terms::tokens(text, |token| {
        told.push(match token {
            Token::Word(word) => word.to_owned(),
            Token::Whole(whole) => format!("[{whole}]"),
        });
    });
    told
}

#[test]
fn identifiers_are_told_whole_and_in_parts() {
    assert_eq!(told("HTTPServer_v2 mergeBase"), ["[httpserverv2]", "http", "serv", "[mergebase]", "merg", "base"]);
    assert_eq!(told("merge_base"), ["[mergebase]", "merg", "base"]);
    assert_eq!(told("The widgets are LOADED, and 42 x"), ["widget", "load", "42"]);
    assert_eq!(told("Größe naïve 設定"), ["größ", "naïv", "設定"]);
    assert_eq!(told(&"x".repeat(81)), Vec::<String>::new());
}

#[test]
fn endings_are_taken_off_lightly() {
    let stems = ["parsing", "parsed", "parser", "parses", "queries", "relations", "used", "class"].map(terms::stem);
    assert_eq!(stems, ["pars", "pars", "pars", "pars", "quer", "rel", "used", "clas"]);
}

fn document(path: &str, text: &str, names: &[&str]) -> Document {
    let symbol = |name: &&str| Symbol {
        name: (*name).to_owned(),
        kind: SymbolKind::Function,
        line: 1,
        signature: String::new(),
        end: 1,
        doc: String::new(),
    };
    let symbols: Vec<Symbol> = names.iter().map(symbol).collect();
    let fields = Fields::of(text, &symbols);
    Document { path: path.parse().unwrap(), class: FileClass::Source, bytes: text.len() as u64, fields }
}

fn rank(query: &str, documents: &[Document], past: &[Past]) -> Vec<Ranked> {
    let query = Query::of(query);
    let weights = Weights::default();
    Ranking::of(&query, documents, &Hits::of(&query, documents), past, &weights).ranked(100)
}

fn paths(ranked: &[Ranked]) -> Vec<&str> {
    ranked.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn neighbouring_words_find_the_identifier_they_make() {
    let documents = [
        document("a.rs", "merge the base of a merge with its base", &[]),
        document("b.rs", "fn other() { merge_base(x) }", &["Repo.mergeBase"]),
    ];
    let ranked = rank("compute the merge base faster", &documents, &[]);
    assert_eq!(paths(&ranked), ["b.rs", "a.rs"]);
    assert!(ranked[0].parts[&Signal::DefinedCompounds] > 0.0);
}

#[test]
fn a_file_that_like_changes_touched_comes_first_though_its_text_says_nothing() {
    let documents =
        [document("login.py", "def check(): pass", &["check"]), document("other.py", "def f(): pass", &["f"])];
    let past = [Past::of("Lock accounts after failed attempts", ["other.py"])];
    let ranked = rank("Attempts to guess passwords lock the account", &documents, &past);
    assert_eq!(paths(&ranked), ["other.py", "login.py"]);
    let signals: Vec<Signal> = ranked[0].parts.keys().copied().collect();
    assert_eq!(signals, [Signal::Titles, Signal::Nearest, Signal::Recency]);
}

#[test]
fn words_that_every_message_has_weigh_less_than_rare_ones() {
    let documents = [document("fix.py", "fix fix fix", &["fix"]), document("cart.py", "cart", &["cart"])];
    let past: Vec<Past> = (0..100).map(|at| Past::of(&format!("fix number {at}"), ["gone.py"])).collect();
    assert_eq!(paths(&rank("fix cart", &documents, &past)), ["cart.py", "fix.py"]);
}

#[test]
fn the_best_passage_counts_not_the_length_of_the_text() {
    let near = format!("{}\ntoken bucket limiter\n", "filler line\n".repeat(200));
    let far = format!("token\n{}\nbucket\n{}\nlimiter\n", "filler line\n".repeat(100), "filler line\n".repeat(100));
    let documents = [document("a.py", &far, &[]), document("b.py", &near, &[])];
    let query = Query::of("token bucket limiter");
    let weights = Weights::default();
    let mut ranking = Ranking::of(&query, &documents, &Hits::of(&query, &documents), &[], &weights);
    let worth = |path: &crate::path::RepoPath| ranking.passage(if path.as_str() == "a.py" { &far } else { &near });
    let (one, other) = (worth(&documents[0].path), worth(&documents[1].path));
    assert!(other > 2.0 * one, "{other} and {one}");
    ranking.with_passages(|path| if path.as_str() == "a.py" { one } else { other });
    assert_eq!(paths(&ranking.ranked(2)), ["b.py", "a.py"]);
}

#[test]
fn a_change_of_many_files_says_nothing_of_any() {
    let many: Vec<String> = (0..16).map(|at| format!("f{at}.py")).collect();
    assert_eq!(Past::of("Reformat", many.iter().map(String::as_str)).files, Vec::<String>::new());
    assert_eq!(Past::of("Move", ["a.py", "b.py"]).files, ["a.py", "b.py"]);
}

#[test]
fn a_query_without_words_ranks_by_path_if_nothing_else_is_known() {
    let documents = [document("a.py", "x", &[]), document("b.py", "y", &[])];
    assert_eq!(paths(&rank("", &documents, &[])), ["a.py", "b.py"]);
    assert_eq!(paths(&rank("!!! ???", &documents, &[])), ["a.py", "b.py"]);
}

proptest! {
    #[test]
    fn terms_are_counted_and_read_back(words in prop::collection::vec("[a-e]{1,2}", 0..60)) {
        let hashes: Vec<u32> = words.iter().map(|word| terms::hash(word)).collect();
        let terms = Terms::of(hashes);
        prop_assert_eq!(terms.total() as usize, words.len());
        for word in &words {
            let count = words.iter().filter(|other| *other == word).count();
            prop_assert_eq!(usize::from(terms.count(terms::hash(word))), count);
        }
        prop_assert_eq!(terms.count(terms::hash("not there")), 0);
    }

    #[test]
    fn any_bytes_are_terms_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes: crate::content::Bytes = bytes.into();
        let mut at = 0;
        if let Some(fields) = Fields::read(&bytes, &mut at) {
            prop_assert!(at <= bytes.len());
            let _ = fields.body.count(7);
        }
        let _ = Past::read(&bytes);
    }

    #[test]
    fn tokens_never_fail_and_parts_gathered_apart_are_the_same_hits(
        texts in prop::collection::vec("\\PC{0,60}", 1..8),
        query in "\\PC{0,40}",
        cut in 0_usize..8,
    ) {
        let documents: Vec<Document> = texts.iter().enumerate().map(|(at, text)| document(&format!("f{at}.rs"), text, &[])).collect();
        let query = Query::of(&query);
        let (one, other) = documents.split_at(cut.min(documents.len()));
        let joined = Hits::join(vec![Hits::of(&query, one), Hits::of(&query, other)]);
        let weights = Weights::default();
        let all = Hits::of(&query, &documents);
        prop_assert_eq!(
            Ranking::of(&query, &documents, &joined, &[], &weights).ranked(100),
            Ranking::of(&query, &documents, &all, &[], &weights).ranked(100)
        );
    }
}
