//! `vdo schema`: the JSON Schemas of all that goes over the wire or into a file.

use vdo_core::{edit, event, findings, message, port, run, schema, task};

use crate::args::{self, SchemaOf};
use crate::fail::Fail;
use crate::out::Out;

/// Prints a schema.
pub(crate) fn print(out: &Out, args: &args::Schema) -> Result<(), Fail> {
    let mut schema = match args.what {
        SchemaOf::Tools => {
            let mut specs = edit::tools::specs(edit::Format::V4a);
            specs.push(run::answer_tool());
            serde_json::to_value(specs).map_err(|error| Fail::failed(error.to_string()))?
        }
        SchemaOf::Plan => schema::of::<task::PlanDraft>(),
        SchemaOf::Reply => schema::of::<message::Reply>(),
        SchemaOf::Findings => schema::of::<findings::Critique>(),
        SchemaOf::Answers => schema::of::<vdo_core::testing::scripted::Answers>(),
        SchemaOf::Events => schema::of::<event::Event>(),
        SchemaOf::Journal => schema::of::<port::CallRow>(),
        SchemaOf::Scan => schema::of::<super::scan::ScanView>(),
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    }
    out.line(serde_json::to_string_pretty(&schema).map_err(|error| Fail::failed(error.to_string()))?)
}
