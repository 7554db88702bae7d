//! What a router says that a call cost.

use serde::Deserialize;
use serde_json::{Number, Value};
use vdo_core::money::NanoUsd;

/// The part of the usage that is about money.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Bill {
    cost: Option<Value>,
    is_byok: Option<Value>,
    cost_details: Option<Value>,
}

impl Bill {
    /// Returns what the call cost in all; none if that is not said. With a key of the user's own the router's cost is its fee,
    /// and what the vendor bills comes on top.
    pub(super) fn total(&self) -> Option<NanoUsd> {
        let cost = nano(self.cost.as_ref()?)?;
        if self.is_byok != Some(Value::Bool(true)) {
            return Some(cost);
        }
        let upstream = self.cost_details.as_ref()?.get("upstream_inference_cost")?;
        Some(cost.plus(nano(upstream)?))
    }
}

/// Reads an amount in USD, rounded to a whole nano-dollar; half of one is rounded up. None if it cannot be one.
fn nano(amount: &Value) -> Option<NanoUsd> {
    let text = match amount {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => decimal(number)?,
        _ => return None,
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if fraction.len() <= 9 {
        return text.parse().ok();
    }
    let (kept, rest) = fraction.split_at_checked(9)?;
    if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: NanoUsd = format!("{whole}.{kept}").parse().ok()?;
    Some(amount.plus(NanoUsd(i64::from(rest.as_bytes().first() >= Some(&b'5')))))
}

/// Returns the shortest decimal that means a number, without an exponent: what had been written.
fn decimal(number: &Number) -> Option<String> {
    match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => Some(whole.to_string()),
        (None, Some(number)) if (0.0..1e9).contains(&number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_read_to_the_nano_dollar() {
        for (amount, wanted) in [
            (json!(0.00014), Some(140_000)),
            (json!(1e-7), Some(100)),
            (json!(0.000_000_000_5), Some(1)),
            (json!(0.000_000_000_49), Some(0)),
            (json!(0.1234567895), Some(123_456_790)),
            (json!(12), Some(12_000_000_000)),
            (json!("0.02"), Some(20_000_000)),
            (json!(0), Some(0)),
            (json!(-0.5), None),
            (json!(1e30), None),
            (json!("1e3"), None),
            (json!("0.0000000001x"), None),
            (json!(null), None),
        ] {
            assert_eq!(nano(&amount), wanted.map(NanoUsd), "{amount}");
        }
    }

    #[test]
    fn with_a_key_of_ones_own_the_vendors_bill_comes_on_top() {
        let total = |bill: Value| serde_json::from_value::<Bill>(bill).unwrap().total();
        let details = json!({ "upstream_inference_cost": 0.01 });
        assert_eq!(total(json!({ "cost": 0.002, "cost_details": details })), Some(NanoUsd(2_000_000)));
        assert_eq!(
            total(json!({ "cost": 0.002, "is_byok": true, "cost_details": details })),
            Some(NanoUsd(12_000_000))
        );
        assert_eq!(total(json!({ "cost": 0.002, "is_byok": true })), None);
        assert_eq!(total(json!({})), None);
    }
}
