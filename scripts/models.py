#!/usr/bin/env python3
"""Makes the table of models in vdo-core/src/models/table.json out of the figures that litellm publishes.

    pip download litellm==1.109.1 --no-deps -d DIR && unzip -o DIR/*.whl -d DIR
    scripts/models.py DIR/litellm/model_prices_and_context_window_backup.json 2026-11-21 > vdo-core/src/models/table.json

Prices are decimal texts in USD per million tokens. Only what is exact is written: a tier has a factor if every price of
it is that multiple of the usual one; otherwise it has none, and what is called at it has no known price.
"""

import json
import re
import sys
from decimal import Decimal

ANTHROPIC = """claude-fable-5-1 claude-fable-5 claude-mythos-5-1 claude-mythos-5 claude-opus-5-5 claude-opus-5 claude-opus-4-8
claude-opus-4-7 claude-sonnet-5-5 claude-sonnet-5 claude-sonnet-4-6 claude-haiku-5-5 claude-haiku-4-5""".split()
OPENAI = """gpt-6-astra gpt-6.1-sol gpt-6.1-terra gpt-6-sol gpt-6-luna gpt-5.6-sol gpt-5.6-terra gpt-5.6-luna gpt-5.5 gpt-5.5-pro
gpt-5.4 gpt-5.4-mini gpt-5.4-nano gpt-5.3-codex gpt-5.1-codex gpt-5-mini gpt-4.1""".split()
GEMINI = """gemini-4-argon gemini-3.8-flash gemini-3.7-flash gemini-3.6-flash gemini-3.5-flash gemini-3.5-flash-lite
gemini-3.1-pro-preview gemini-3.1-flash-lite gemini-3-flash-preview gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite""".split()
# Known by name only. They are taken to refuse what their predecessors refuse: to send less is safe.
UNPRICED = {"claude-fable-5-2": "claude-fable-5-1", "claude-mythos-5-2": "claude-mythos-5-1"}
FORMATS = {"anthropic": "str-replace", "openai": "v4a", "gemini": "search-replace"}
PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_long": r"cache_creation_input_token_cost_above_(1hr|12hr)",
}


def plain(number):
    """A decimal without exponent and trailing zeros."""
    return format(number.normalize(), "f")


def price(entry, pattern, suffix):
    keys = [key for key in entry if re.fullmatch(pattern + suffix, key)]
    return Decimal(entry[keys[0]]) if keys else None


def rates(entry, suffix):
    """The prices whose names end in `suffix`, per token."""
    found = {name: price(entry, pattern, suffix) for name, pattern in PRICES.items()}
    return {name: value for name, value in found.items() if value is not None}


def long_suffix(entry):
    sizes = {match for key in entry for match in re.findall(r"^input_cost_per_token_above_(\d+)k_tokens$", key)}
    assert len(sizes) <= 1, sizes
    size = sizes.pop() if sizes else None
    return (int(size) * 1000, f"_above_{size}k_tokens") if size else None


def factor(entry, tier, vendor):
    """The factor of a tier in thousandths, if it is one for all prices."""
    long = long_suffix(entry)
    factors = set()
    for suffix in [""] + ([long[1]] if long else []):
        tiered = rates(entry, suffix + "_" + tier)
        for name, usual in rates(entry, suffix).items():
            if name not in tiered:
                # Anthropic's discount is on everything; the list just has no row for hour-long writes.
                if (vendor, tier, name) == ("anthropic", "batches", "cache_write_long"):
                    continue
                return None
            factors.add(tiered[name] / usual * 1000)
    only = factors.pop() if len(factors) == 1 else None
    return int(only) if only is not None and only == int(only) else None


def tiers(entry, vendor):
    found = {"flex": factor(entry, "flex", vendor), "batch": factor(entry, "batches", vendor)}
    found["priority"] = factor(entry, "priority", vendor)
    fast = entry.get("provider_specific_entry", {}).get("fast")
    found["fast"] = int(Decimal(fast) * 1000) if fast else None
    return {tier: value for tier, value in found.items() if value is not None}


def reasoning(entry, vendor, model):
    if not entry.get("supports_reasoning"):
        return "none"
    if vendor == "anthropic":
        if not entry.get("supports_adaptive_thinking"):
            return "budget"
        return "always" if entry.get("thinking_always_on") else "level"
    if vendor == "gemini":
        return "budget" if model.startswith("gemini-2.5-") else "always"
    # Where it is not said that it can be switched off, it is not tried.
    return "level" if entry.get("supports_none_reasoning_effort") else "always"


def efforts(entry, vendor, control):
    """The levels of reasoning that are taken; none if nothing is known to be refused."""
    says = lambda name, default: entry.get(f"supports_{name}_reasoning_effort", default)
    if control not in ("level", "always"):
        return None
    if vendor == "gemini":
        return None if says("minimal", True) else ["low", "medium", "high", "xhigh", "max"]
    taken = {"none": control == "level", "minimal": says("minimal", False), "low": says("low", True), "medium": True}
    taken.update({"high": True, "xhigh": says("xhigh", False), "max": says("max", False)})
    return [name for name, is_taken in taken.items() if is_taken]


def accepts(entry, vendor, model):
    control = reasoning(entry, vendor, model)
    found = {
        # OpenAI's models that reason take them at their defaults only.
        "sampling": entry.get("supports_sampling_params", vendor != "openai" or control == "none"),
        "prefill": entry.get("supports_assistant_prefill", True),
        "forced_tools": entry.get("supports_forced_tool_use", entry.get("supports_tool_choice", False)),
        "strict": vendor != "gemini" and bool(entry.get("supports_response_schema")),
        "reasoning": control,
    }
    if taken := efforts(entry, vendor, control):
        found["efforts"] = taken
    if entry.get("mode") == "responses":
        found["responses_only"] = True
    return found


def row(entry, vendor, model):
    million = lambda found: {name: plain(value * 1_000_000) for name, value in found.items()}
    found = million(rates(entry, ""))
    if long := long_suffix(entry):
        found["long"] = {"above": long[0], **million(rates(entry, long[1]))}
    if factors := tiers(entry, vendor):
        found["tiers"] = factors
    found["context"] = int(entry["max_input_tokens"])
    found["max_output"] = int(entry["max_output_tokens"])
    if "prompt_cache_min_tokens" in entry:
        found["cache_min"] = int(entry["prompt_cache_min_tokens"])
    if "deprecation_date" in entry:
        found["deprecated"] = entry["deprecation_date"]
    found["tools"] = bool(entry.get("supports_function_calling"))
    found["json_schema"] = bool(entry.get("supports_response_schema"))
    found["edit_format"] = FORMATS[vendor]
    found["accepts"] = accepts(entry, vendor, model)
    return found


def main():
    path, date = sys.argv[1:]
    with open(path) as file:
        source = json.load(file, parse_float=Decimal)
    rows = {}
    for vendor, models in (("anthropic", ANTHROPIC), ("openai", OPENAI), ("gemini", GEMINI)):
        for model in models:
            entry = source[f"gemini/{model}" if vendor == "gemini" else model]
            rows[f"{vendor}/{model}"] = row(entry, vendor, model)
    for model, like in UNPRICED.items():
        known = rows[f"anthropic/{like}"]
        rows[f"anthropic/{model}"] = {name: known[name] for name in ("tools", "json_schema", "edit_format", "accepts")}
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in rows.items())
    print(f'{{\n  "date": {json.dumps(date)},\n  "models": {{\n{lines}\n  }}\n}}')


main()
