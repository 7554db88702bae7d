//! The structure as it is being written.
//!
//! Invariant: lists and members stand in the order of the text, owners before what they own, and no two lists have the
//! same scope: a second one with the same kinds and keys around it is numbered (`#2`).

use std::collections::HashMap;
use std::ops::Range;

use vdo_core::structure::{Claim, ClaimKind, List, Member, MemberKind, Order, Structure};

use super::keys::{bounded, bounded_scope, hash, within};

/// How many members a text may have.
const MAX_MEMBERS: usize = 200_000;

/// What a language says of one member.
#[derive(Debug, Clone, Default)]
pub(in crate::syntax) struct Draft {
    /// What it is.
    pub(in crate::syntax) kind: Kind,
    /// What tells it from its siblings.
    pub(in crate::syntax) key: String,
    /// Whether it may change places.
    pub(in crate::syntax) free: bool,
    /// What it takes for itself.
    pub(in crate::syntax) claims: Vec<Claim>,
    /// What the name of lists inside is called by, if that is not the key.
    pub(in crate::syntax) name: Option<String>,
    /// What the lists inside are, where the language has to know.
    pub(in crate::syntax) inner: Place,
    /// The node that is the member's value: a list there goes by the member's key.
    pub(in crate::syntax) value: Option<usize>,
    /// Whether each of its lines is a member of its own.
    pub(in crate::syntax) lines: bool,
    /// Its bytes, if they are not those of its node.
    pub(in crate::syntax) span: Option<Range<usize>>,
}

/// [`MemberKind`] with a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::syntax) struct Kind(pub(in crate::syntax) MemberKind);

impl Default for Kind {
    fn default() -> Self {
        Self(MemberKind::Other)
    }
}

/// What a list is a list of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::syntax) enum Place {
    /// Statements or declarations at the top of a text.
    #[default]
    Top,
    /// The body of a class, trait, impl or interface.
    Class,
    /// The values of an enumeration.
    Enum,
    /// Statements that run one after another.
    Code,
    /// The names of an import.
    Names,
    /// Keys with values.
    Entries,
    /// Values of an array.
    Elements,
    /// Values of a set.
    Set,
    /// Arguments of a call.
    Args,
    /// Parameters of a function.
    Params,
    /// Fields of a structure.
    Fields,
    /// Cases.
    Arms,
    /// Children of an element.
    Children,
    /// Calls on what the call before returned.
    Chain,
}

impl Draft {
    /// Returns a member that keeps its place.
    pub(in crate::syntax) fn fixed(kind: MemberKind, key: impl Into<String>) -> Self {
        Self { kind: Kind(kind), key: bounded(key.into()), ..Self::default() }
    }

    /// Returns a member that may change places; without a key it may not.
    pub(in crate::syntax) fn free(kind: MemberKind, key: impl Into<String>) -> Self {
        let draft = Self::fixed(kind, key);
        Self { free: !draft.key.is_empty(), ..draft }
    }

    /// Adds a claim.
    #[must_use]
    pub(in crate::syntax) fn claim(mut self, kind: ClaimKind, text: impl Into<String>) -> Self {
        let claim = Claim { kind, text: text.into() };
        if !self.claims.contains(&claim) {
            self.claims.push(claim);
        }
        self
    }

    /// Adds claims of one kind.
    #[must_use]
    pub(in crate::syntax) fn claims(self, kind: ClaimKind, texts: impl IntoIterator<Item = String>) -> Self {
        texts.into_iter().fold(self, |draft, text| draft.claim(kind, text))
    }

    /// Sets what the lists inside are.
    #[must_use]
    pub(in crate::syntax) fn inner(mut self, place: Place) -> Self {
        self.inner = place;
        self
    }

    /// Makes it keep its place unless `free`.
    #[must_use]
    pub(in crate::syntax) fn free_if(mut self, free: bool) -> Self {
        self.free &= free;
        self
    }
}

/// Where a list that was begun is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::syntax) struct ListId(pub(super) usize);

/// Where a member that was told is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::syntax) struct MemberId(pub(super) usize);

/// How a list stands in the text.
#[derive(Debug, Clone, Default)]
pub(in crate::syntax) struct Shape {
    /// Tells it from other lists of one member.
    pub(in crate::syntax) suffix: String,
    /// The bytes between its brackets.
    pub(in crate::syntax) inside: Range<usize>,
    /// What stands between two members.
    pub(in crate::syntax) separator: &'static str,
    /// Whether the last one may have it too.
    pub(in crate::syntax) trailing: bool,
}

/// Writes one text's structure.
#[derive(Debug)]
pub(in crate::syntax) struct Out<'t> {
    /// The text.
    pub(in crate::syntax) text: &'t str,
    structure: Structure,
    /// How many lists have a scope, by its hash.
    scopes: HashMap<u64, u32>,
    names: Vec<String>,
    /// How many scopes had to be numbered.
    numbered: usize,
    over: bool,
}

/// How much was written when something began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) lists: usize,
    pub(super) members: usize,
    pub(super) numbered: usize,
}

impl<'t> Out<'t> {
    /// Begins with the text's own list.
    pub(in crate::syntax) fn new(text: &'t str) -> (Self, ListId) {
        let mut out = Self {
            text,
            structure: Structure::default(),
            scopes: HashMap::new(),
            names: Vec::new(),
            numbered: 0,
            over: false,
        };
        let root = out.begin(None, String::new(), String::new(), Shape { inside: 0..text.len(), ..Shape::default() });
        (out, root)
    }

    /// Begins a list of `owner`, whose name in claims is `name` (see [`Self::name`]).
    pub(in crate::syntax) fn list(&mut self, owner: MemberId, name: Option<&str>, mut shape: Shape) -> ListId {
        let Some(member) = self.structure.members.get(owner.0) else { return ListId(0) };
        // Some grammars let a node end behind the blanks that follow it.
        let end = shape.inside.end.min(member.span.end);
        shape.inside = shape.inside.start.min(end)..end;
        let outer = self.structure.lists.get(member.list).map_or("", |list| list.scope.as_str());
        let slash = if outer.is_empty() { "" } else { "/" };
        let scope = format!("{outer}{slash}{} {}/{}", word(member.kind), member.key, shape.suffix);
        let around = self.names.get(member.list).map_or("", String::as_str);
        let name = match name.unwrap_or(&member.key) {
            "" => around.to_owned(),
            name => within(around, name),
        };
        self.begin(Some(owner.0), bounded_scope(scope), bounded_scope(name), shape)
    }

    fn begin(&mut self, owner: Option<usize>, mut scope: String, mut name: String, shape: Shape) -> ListId {
        let count = self.scopes.entry(hash(&scope)).or_default();
        *count += 1;
        if *count > 1 {
            self.numbered += 1;
            let number = format!("#{count}");
            scope.push_str(&number);
            name.push_str(&number);
        }
        let Shape { inside, separator, trailing, .. } = shape;
        self.structure.lists.push(List { owner, scope, inside, separator, trailing });
        self.names.push(name);
        ListId(self.structure.lists.len() - 1)
    }

    /// Returns what claims in this list are qualified with; empty for the text's own.
    pub(in crate::syntax) fn name(&self, list: ListId) -> &str {
        self.names.get(list.0).map_or("", String::as_str)
    }

    /// Tells of a member. Its span is trimmed of blanks.
    pub(in crate::syntax) fn member(&mut self, list: ListId, span: Range<usize>, draft: &Draft) -> MemberId {
        let mut span = span;
        let body = self.text.get(span.clone()).unwrap_or_default();
        span.end -= body.len() - body.trim_end().len();
        self.over |= self.structure.members.len() >= MAX_MEMBERS;
        if !self.over {
            self.structure.members.push(Member {
                list: list.0,
                span,
                kind: draft.kind.0,
                key: draft.key.clone(),
                order: if draft.free { Order::Free } else { Order::Fixed },
                claims: self.scoped(list, &draft.claims),
            });
        }
        MemberId(self.structure.members.len().saturating_sub(1))
    }

    /// Returns claims as they are told: a route that a function makes is that function's, since its router may be local.
    fn scoped(&self, list: ListId, claims: &[Claim]) -> Vec<Claim> {
        let scope = self.name(list);
        let local =
            |claim: &Claim| !scope.is_empty() && matches!(claim.kind, ClaimKind::Route | ClaimKind::OrderedRoute);
        let told = |claim: &Claim| match local(claim) {
            true => Claim { kind: claim.kind, text: format!("{scope}: {}", claim.text) },
            false => claim.clone(),
        };
        claims.iter().map(told).collect()
    }

    /// Gives a member without a key one, for the scopes of its lists.
    pub(in crate::syntax) fn name_member(&mut self, member: MemberId, key: impl FnOnce() -> String) {
        if let Some(member) = self.structure.members.get_mut(member.0)
            && member.key.is_empty()
        {
            member.key = key();
        }
    }

    /// Returns what stands between two members of a list.
    pub(in crate::syntax) fn separator(&self, list: ListId) -> &'static str {
        self.structure.lists.get(list.0).map_or("", |list| list.separator)
    }

    /// Returns where the inside of a list is.
    pub(in crate::syntax) fn inside(&self, list: ListId) -> Range<usize> {
        self.structure.lists.get(list.0).map_or(0..0, |list| list.inside.clone())
    }

    /// Moves the end of a list that has no closing bracket to the end of its last member.
    pub(in crate::syntax) fn end_with(&mut self, list: ListId, end: usize) {
        if let Some(list) = self.structure.lists.get_mut(list.0) {
            list.inside.end = end.clamp(list.inside.start, list.inside.end.max(list.inside.start));
        }
    }

    /// Returns how much is written.
    pub(super) fn mark(&self) -> Mark {
        Mark { lists: self.structure.lists.len(), members: self.structure.members.len(), numbered: self.numbered }
    }

    /// Returns what is written so far.
    pub(super) fn written(&self) -> &Structure {
        &self.structure
    }

    /// Tells again what is in a member of another text, if its scopes are free: these lists with their names, and these members.
    /// `by` is how far it lies behind where it was.
    pub(super) fn again(&mut self, member: MemberId, was: &Told<'_>, by: isize) -> bool {
        let taken = was.lists.iter().any(|list| self.scopes.contains_key(&hash(&list.scope)));
        if taken || self.over || self.structure.members.len() + was.members.len() >= MAX_MEMBERS {
            return false;
        }
        let lists = self.structure.lists.len();
        let moved = |range: &Range<usize>| range.start.wrapping_add_signed(by)..range.end.wrapping_add_signed(by);
        for (list, name) in was.lists.iter().zip(was.names) {
            self.scopes.insert(hash(&list.scope), 1);
            let owner = list.owner.map(|owner| member.0 + owner.saturating_sub(was.member));
            self.structure.lists.push(List { owner, inside: moved(&list.inside), ..list.clone() });
            self.names.push(name.clone());
        }
        for inner in was.members {
            let list = lists + inner.list.saturating_sub(was.first_list);
            self.structure.members.push(Member { list, span: moved(&inner.span), ..inner.clone() });
        }
        true
    }

    /// Returns the structure and the names of its lists, or `None` if a bound was reached.
    pub(super) fn finish_named(self) -> Option<(Structure, Vec<String>)> {
        (!self.over).then_some((self.structure, self.names))
    }

    /// Counts places where the grammar does not fit.
    pub(in crate::syntax) fn errors(&mut self, count: u32) {
        self.structure.errors = self.structure.errors.saturating_add(count);
    }

    /// Says that a bound is reached.
    pub(in crate::syntax) fn give_up(&mut self) {
        self.over = true;
    }

    /// Tells whether a bound is reached.
    pub(in crate::syntax) fn is_over(&self) -> bool {
        self.over
    }

    /// Returns the structure, or `None` if a bound was reached.
    pub(in crate::syntax) fn finish(self) -> Option<Structure> {
        (!self.over).then_some(self.structure)
    }
}

/// What another text has in a member.
#[derive(Debug)]
pub(super) struct Told<'m> {
    /// The number of the member.
    pub(super) member: usize,
    /// The number of the first of the lists.
    pub(super) first_list: usize,
    pub(super) lists: &'m [List],
    pub(super) names: &'m [String],
    pub(super) members: &'m [Member],
}

/// Returns the word for a kind in scopes.
fn word(kind: MemberKind) -> &'static str {
    match kind {
        MemberKind::Comment => "comment",
        MemberKind::Import => "import",
        MemberKind::Definition => "definition",
        MemberKind::Value => "value",
        MemberKind::Field => "field",
        MemberKind::Pair => "pair",
        MemberKind::Item => "item",
        MemberKind::Element => "element",
        MemberKind::Rule => "rule",
        MemberKind::Call => "call",
        MemberKind::Other => "other",
    }
}
