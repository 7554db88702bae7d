//! What the store in memory keeps of replies under way.

use super::Record;
use crate::port::PartialReply;
use crate::port::changes::PartialWrite;

impl Record {
    /// Appends what arrived, and takes away what is needed no more.
    pub(super) fn keep_partials(&mut self, writes: Vec<PartialWrite>) {
        for PartialWrite { step, number, text } in writes {
            let same = |kept: &PartialReply| kept.step == step && kept.number == number;
            let Some(text) = text else {
                self.partials.retain(|kept| !same(kept));
                continue;
            };
            match self.partials.iter_mut().find(|kept| same(kept)) {
                Some(kept) => kept.text.push_str(&text),
                None => self.partials.push(PartialReply { step, number, text }),
            }
        }
    }
}
