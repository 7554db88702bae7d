"""Asks a server through the vendors' own clients and prints what they make of the answers, in VDO's terms.

    clients.py URL KEY '{"cases": ["say hello"], "models": [["chat", "gpt-4.1"]]}'
"""

import json
import sys

import anthropic
import openai
from google import genai
from google.genai import types

ROOT, KEY, ASKED = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
SYSTEM, LIMIT = "You are tested.", 200
OPENAI = openai.OpenAI(base_url=f"{ROOT}/v1", api_key=KEY, max_retries=0)
ANTHROPIC = anthropic.Anthropic(base_url=ROOT, api_key=KEY, max_retries=0)
GEMINI = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=ROOT, api_version="v1beta"))


def seen(text, tools, stop, usage):
    fields = dict(zip(("input", "cache_read", "output"), usage))
    return {"text": text, "tools": tools, "stop": stop, "usage": fields}


def tool(name, arguments):
    return {"name": name, "input": json.loads(arguments) if isinstance(arguments, str) else dict(arguments or {})}


def chat_usage(usage):
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens if details else 0) or 0
    return usage.prompt_tokens - cached, cached, usage.completion_tokens


def chat_stop(reason, tools):
    return "tool_use" if tools else {"stop": "end", "length": "length", "content_filter": "refused"}[reason]


def chat(model, case, streamed):
    messages = [{"role": "developer", "content": SYSTEM}, {"role": "user", "content": case}]
    asked = {"model": model, "messages": messages, "max_completion_tokens": LIMIT}
    if not streamed:
        reply = OPENAI.chat.completions.create(**asked)
        message = reply.choices[0].message
        tools = [tool(call.function.name, call.function.arguments) for call in message.tool_calls or []]
        stop = chat_stop(reply.choices[0].finish_reason, tools)
        return seen(message.content or "", tools, stop, chat_usage(reply.usage))
    text, calls, reason, usage = "", {}, None, None
    for chunk in OPENAI.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
            for call in choice.delta.tool_calls or []:
                known = calls.setdefault(call.index, ["", ""])
                known[0] += call.function.name or ""
                known[1] += call.function.arguments or ""
    tools = [tool(*calls[index]) for index in sorted(calls)]
    return seen(text, tools, chat_stop(reason, tools), chat_usage(usage))


def responses(model, case, streamed):
    asked = {"model": model, "instructions": SYSTEM, "input": case, "max_output_tokens": LIMIT, "store": False}
    if streamed:
        for event in OPENAI.responses.create(stream=True, **asked):
            if event.type in ("response.completed", "response.incomplete", "response.failed"):
                reply = event.response
    else:
        reply = OPENAI.responses.create(**asked)
    tools = [tool(item.name, item.arguments) for item in reply.output if item.type == "function_call"]
    reason = reply.incomplete_details.reason if reply.incomplete_details else None
    cut = reply.status == "incomplete" and ("refused" if reason == "content_filter" else "length")
    stop = cut or ("tool_use" if tools else "end")
    cached = reply.usage.input_tokens_details.cached_tokens if reply.usage.input_tokens_details else 0
    usage = (reply.usage.input_tokens - (cached or 0), cached or 0, reply.usage.output_tokens)
    return seen(reply.output_text, tools, stop, usage)


def messages(model, case, streamed):
    asked = {"model": model, "system": SYSTEM, "messages": [{"role": "user", "content": case}], "max_tokens": LIMIT}
    if streamed:
        with ANTHROPIC.messages.stream(**asked) as stream:
            reply = stream.get_final_message()
    else:
        reply = ANTHROPIC.messages.create(**asked)
    text = "".join(block.text for block in reply.content if block.type == "text")
    tools = [tool(block.name, block.input) for block in reply.content if block.type == "tool_use"]
    stops = {"end_turn": "end", "stop_sequence": "end", "max_tokens": "length", "tool_use": "tool_use"}
    usage = (reply.usage.input_tokens, reply.usage.cache_read_input_tokens or 0, reply.usage.output_tokens)
    return seen(text, tools, stops.get(reply.stop_reason, "refused"), usage)


def gemini(model, case, streamed):
    config = types.GenerateContentConfig(system_instruction=SYSTEM, max_output_tokens=LIMIT)
    asked = {"model": model, "contents": case, "config": config}
    stream = GEMINI.models.generate_content_stream(**asked) if streamed else [GEMINI.models.generate_content(**asked)]
    text, tools, reason, usage = "", [], None, None
    for reply in stream:
        usage = reply.usage_metadata or usage
        for candidate in reply.candidates or []:
            reason = candidate.finish_reason or reason
            for part in (candidate.content.parts if candidate.content else None) or []:
                if part.function_call:
                    tools.append(tool(part.function_call.name, part.function_call.args))
                elif part.text and not part.thought:
                    text += part.text
    stop = "tool_use" if tools else {"STOP": "end", "MAX_TOKENS": "length"}.get(reason.name, "refused")
    cached = usage.cached_content_token_count or 0
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return seen(text, tools, stop, (usage.prompt_token_count - cached, cached, output))


CLIENTS = {"chat": chat, "responses": responses, "anthropic": messages, "gemini": gemini}
FOUND = []
for name, model in ASKED["models"]:
    for case in ASKED["cases"]:
        for how in ("whole", "streamed"):
            found = CLIENTS[name](model, case, how == "streamed")
            FOUND.append({"format": name, "case": case, "how": how, **found})
print(json.dumps(FOUND))
