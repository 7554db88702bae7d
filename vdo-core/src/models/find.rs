//! Which row a name means. Exact, then without the date at its end; never by likeness.

use super::{Model, ModelTable};

/// Other names of vendors, as routers write them.
const ALIASES: [(&str, &str); 3] = [("google", "gemini"), ("google-ai-studio", "gemini"), ("claude", "anthropic")];

impl ModelTable {
    /// Returns the model that a vendor calls `id`, or, without the date at its end, called so.
    ///
    /// A vendor that the table does not know is taken for a router, whose names begin with the vendor's:
    /// `anthropic/claude-opus-5-5`. Its plain names could be anything and are not looked up.
    #[must_use]
    pub fn find(&self, vendor: &str, id: &str) -> Option<&Model> {
        let vendor = canonical(vendor);
        if self.models.contains_key(vendor) {
            // Gemini's own lists say `models/gemini-…`.
            let id = if vendor == "gemini" { id.strip_prefix("models/").unwrap_or(id) } else { id };
            return self.of_vendor(vendor, id);
        }
        let (prefix, id) = id.split_once('/')?;
        let vendor = canonical(prefix);
        // Routers write the version of these with a point.
        let dashed = || (vendor == "anthropic").then(|| id.replace('.', "-"));
        self.of_vendor(vendor, id).or_else(|| self.of_vendor(vendor, &dashed()?))
    }

    fn of_vendor(&self, vendor: &str, id: &str) -> Option<&Model> {
        let models = self.models.get(vendor)?;
        models.get(id).or_else(|| models.get(without_date(id)?))
    }
}

fn canonical(vendor: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == vendor).map_or(vendor, |(_, vendor)| vendor)
}

/// Returns a name without `-20251001`, `-2025-10-01`, `@20251001` or `@2025-10-01` at its end.
fn without_date(id: &str) -> Option<&str> {
    [8, 10].into_iter().find_map(|length| {
        let (rest, date) = id.split_at_checked(id.len().checked_sub(length)?)?;
        let name = rest.strip_suffix(['-', '@'])?;
        (is_date(date) && !name.is_empty()).then_some(name)
    })
}

fn is_date(text: &str) -> bool {
    let shape = text.bytes().enumerate().all(|(at, byte)| match (text.len(), at) {
        (10, 4 | 7) => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    shape && text.starts_with("20")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(vendor: &str, id: &str) -> Option<String> {
        ModelTable::embedded().find(vendor, id).map(Model::name)
    }

    #[test]
    fn a_name_means_its_row_with_or_without_a_date() {
        for (vendor, id, name) in [
            ("anthropic", "claude-opus-5-5", "anthropic/claude-opus-5-5"),
            ("anthropic", "claude-opus-5-5-20260930", "anthropic/claude-opus-5-5"),
            ("anthropic", "claude-haiku-4-5@20251001", "anthropic/claude-haiku-4-5"),
            ("openai", "gpt-5.5-2026-04-23", "openai/gpt-5.5"),
            ("openai", "gpt-5.5-pro-2026-04-23", "openai/gpt-5.5-pro"),
            ("gemini", "models/gemini-2.5-flash", "gemini/gemini-2.5-flash"),
            ("google", "gemini-2.5-flash", "gemini/gemini-2.5-flash"),
            ("openrouter", "anthropic/claude-opus-5.5", "anthropic/claude-opus-5-5"),
            ("openrouter", "google/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
            ("mine", "openai/gpt-4.1-2025-04-14", "openai/gpt-4.1"),
        ] {
            assert_eq!(found(vendor, id).as_deref(), Some(name), "{vendor} {id}");
        }
    }

    #[test]
    fn a_name_that_is_only_like_one_means_nothing() {
        for (vendor, id) in [
            ("anthropic", "claude-opus"),
            ("anthropic", "claude-opus-5-"),
            ("anthropic", "claude-opus-5-5-fast"),
            ("anthropic", "claude-opus-5-5-19990101"),
            ("anthropic", "gpt-4.1"),
            ("openai", "gpt-5.5-2026-4-23"),
            ("openai", "gpt-5.5-日本語日本"),
            ("openai", "-20251001"),
            ("openai", ""),
            ("ollama", "gpt-4.1"),
            ("openrouter", "openai/gpt-4.1:free"),
            ("openrouter", "meta/llama"),
        ] {
            assert_eq!(found(vendor, id), None, "{vendor} {id}");
        }
    }
}
