//! What of a request is left out or changed, told to whoever asked. Pure.

use vdo_core::message::Effort;
use vdo_core::port::{Accepts, ReasoningControl};

/// Collects what is left out of a request.
#[derive(Debug, Default)]
pub(crate) struct Warnings(pub(crate) Vec<String>);

impl Warnings {
    pub(crate) fn left_out(&mut self, what: &str, why: &str) {
        self.0.push(format!("{what} is left out: {why}"));
    }

    /// Returns the level of reasoning that is nearest to the one that is asked for among those that the model takes.
    pub(crate) fn effort(&mut self, asked: Option<Effort>, accepts: &Accepts) -> Option<Effort> {
        let asked = asked?;
        let always = accepts.reasoning == ReasoningControl::Always;
        if asked == Effort::None && (always || !accepts.efforts.contains(asked)) {
            self.left_out("switching reasoning off", "the model always reasons");
            return accepts.efforts.nearest(Effort::Minimal);
        }
        let nearest = accepts.efforts.nearest(asked);
        match nearest {
            None => self.left_out("effort", "the model takes no such level"),
            Some(nearest) if nearest != asked => {
                self.0.push(format!(
                    "effort is {} instead of {}: the model does not take that",
                    name(nearest),
                    name(asked)
                ));
            }
            Some(_) => {}
        }
        nearest
    }
}

fn name(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Xhigh => "xhigh",
        Effort::Max => "max",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_level_is_sent_and_told() {
        let sent = |asked: Effort, efforts: &[Effort], reasoning: ReasoningControl| {
            let accepts = Accepts { efforts: efforts.to_vec().into(), reasoning, ..Accepts::default() };
            let mut warnings = Warnings::default();
            (warnings.effort(Some(asked), &accepts), warnings.0.join(""))
        };
        use Effort::{High, Low, Max, Medium, None as Off};
        use ReasoningControl::{Always, Level};
        assert_eq!(sent(High, &[Low, High], Level), (Some(High), String::new()));
        let lower = "effort is medium instead of max: the model does not take that".to_owned();
        assert_eq!(sent(Max, &[Low, Medium], Level), (Some(Medium), lower));
        assert_eq!(sent(Off, &[Off, Low], Level), (Some(Off), String::new()));
        let off = "switching reasoning off is left out: the model always reasons".to_owned();
        assert_eq!(sent(Off, &[Low], Level), (Some(Low), off.clone()));
        assert_eq!(sent(Off, &[Off, Low], Always), (Some(Low), off));
        let none = "effort is left out: the model takes no such level".to_owned();
        assert_eq!(sent(High, &[], Level), (None, none));
    }
}
