"""A stand-in on loopback for the APIs of models, so that real clients run their whole loop without an account.

It follows one script: ask once for one tool, then say what came back. Every request is kept, because a request is
where a client shows what it knows: which tools it offers its model, what hooks put into the context, and what a tool
answered. Spoken are Anthropic messages, OpenAI responses and chat completions, and Gemini's generateContent.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FINAL = "THE TOOL SAID "


class Loopback(ThreadingHTTPServer):
    """A server on a free port of this machine; clients that hang up are no news."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Model(Loopback):
    """Asks for `tool` (the end of the name a client offers it under) with `arguments`."""

    def __init__(self, tool, arguments):
        self.tool, self.arguments, self.requests = tool, arguments, []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self.reply(b"")

            def do_GET(self):
                self.reply(json.dumps({"object": "list", "data": [{"id": "stub", "object": "model"}], "models": []}))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
                path = self.path.split("?")[0]
                model.requests.append({"path": path, "body": body})
                if path.endswith(("count_tokens", ":countTokens")):
                    self.reply(json.dumps({"input_tokens": 1, "totalTokens": 1}))
                elif path.endswith("/messages"):
                    self.reply(*anthropic(model, body))
                elif path.endswith("/responses"):
                    self.reply(*responses(model, body))
                elif path.endswith("/chat/completions"):
                    self.reply(*completions(model, body))
                elif "enerateContent" in path:
                    self.reply(*gemini(model, body, "alt=sse" in self.path))
                else:
                    self.reply("{}", status=404)

            def reply(self, text, kind="application/json", status=200):
                data = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        super().__init__(Handler)

    def offered(self, names):
        """The name under which the wanted tool is offered, if it is."""
        return next((name for name in names if name.endswith(self.tool)), None)

    def last_word(self, body, results):
        """What the model says when there is nothing left to do."""
        return FINAL + json.dumps(results[-1:])

    def saw(self, text):
        """Whether a client told the model this."""
        return any(text in json.dumps(request["body"], ensure_ascii=False) for request in self.requests)


class Phraser(Model):
    """Answers cemem's request for words with the quotes of each lesson as its rule."""

    def __init__(self):
        super().__init__("no tool", {})

    def last_word(self, body, results):
        request = next((unquoted(text) for text in texts(body) if "</lessons>" in text), "")
        lines = request.partition("\n<lessons>\n")[2].partition("\n</lessons>")[0].splitlines()
        lessons = [json.loads(line) for line in lines]
        proposals = [{"id": lesson["id"], "advice": "keep", "quotes": lesson["quotes"][:1], "rule": lesson["quotes"][0].removeprefix("no, ")}
                     for lesson in lessons]
        return json.dumps({"proposals": proposals})


def unquoted(text):
    """A text as it was before a client put it into quotes."""
    return text.strip()[1:-1].replace('\\"', '"') if text.startswith('"') else text


def texts(value):
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


def events(rows):
    """Server-sent events of rows (name, data); a row without a name is data only."""
    lines = (f"event: {name}\ndata: {json.dumps(data)}\n\n" if name else f"data: {json.dumps(data)}\n\n" for name, data in rows)
    return "".join(lines), "text/event-stream"


def anthropic(model, body):
    blocks = [b for m in body.get("messages", []) if isinstance(m["content"], list) for b in m["content"]]
    asked = [b["name"] for b in blocks if b.get("type") == "tool_use"]
    results = [b.get("content") for b in blocks if b.get("type") == "tool_result"]
    names = [tool["name"] for tool in body.get("tools", [])]
    wanted = model.offered(names)
    if wanted and not model.offered(asked):
        block = {"type": "tool_use", "id": "toolu_2", "name": wanted, "input": model.arguments}
    elif "ToolSearch" in names and "ToolSearch" not in asked:
        # Tools of MCP servers are not offered before somebody looks for them.
        query = {"query": f"{model.tool}", "max_results": 5}
        block = {"type": "tool_use", "id": "toolu_1", "name": "ToolSearch", "input": query}
    else:
        block = {"type": "text", "text": model.last_word(body, results)}
    stop = "tool_use" if block["type"] == "tool_use" else "end_turn"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body.get("model"), "content": [block],
               "stop_reason": stop, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    if not body.get("stream"):
        return (json.dumps(message),)
    if block["type"] == "text":
        start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
    else:
        start, delta = dict(block, input={}), {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
    rows = [
        {"type": "message_start", "message": dict(message, content=[], stop_reason=None)},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return events((row["type"], row) for row in rows)


def responses(model, body):
    call = None
    for tool in body.get("tools", []):
        # Codex puts the tools of a server into a namespace of its own.
        for name, more in [(t.get("name", ""), {"namespace": tool["name"]}) for t in tool.get("tools", [])] or [(tool.get("name", ""), {})]:
            if call is None and model.offered([name]):
                call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name,
                        "arguments": json.dumps(model.arguments), **more}
    results = [item.get("output") for item in body.get("input", []) if item.get("type", "").endswith("call_output")]
    if call is None or results:
        text = {"type": "output_text", "text": model.last_word(body, results)}
        call = {"type": "message", "id": "m_1", "role": "assistant", "content": [text]}
    usage = {"input_tokens": 1, "input_tokens_details": None, "output_tokens": 1, "output_tokens_details": None, "total_tokens": 2}
    rows = [
        {"type": "response.created", "response": {"id": "r_1"}},
        {"type": "response.output_item.done", "output_index": 0, "item": call},
        {"type": "response.completed", "response": {"id": "r_1", "usage": usage}},
    ]
    return events((row["type"], row) for row in rows)


def completions(model, body):
    wanted = model.offered(tool["function"]["name"] for tool in body.get("tools", []))
    results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    if wanted and not results:
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": wanted, "arguments": json.dumps(model.arguments)}}
        message, finish = {"role": "assistant", "tool_calls": [call]}, "tool_calls"
    else:
        message, finish = {"role": "assistant", "content": model.last_word(body, results)}, "stop"
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    base = {"id": "c_1", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return (json.dumps(dict(base, object="chat.completion", choices=[choice], usage=usage)),)
    chunks = [dict(base, choices=[{"index": 0, "delta": message, "finish_reason": None}]),
              dict(base, choices=[{"index": 0, "delta": {}, "finish_reason": finish}], usage=usage)]
    text, kind = events((None, chunk) for chunk in chunks)
    return text + "data: [DONE]\n\n", kind


def gemini(model, body, streams):
    names = [d["name"] for tool in body.get("tools", []) for d in tool.get("functionDeclarations", [])]
    wanted = model.offered(names)
    parts = [part for content in body.get("contents", []) for part in content.get("parts", [])]
    results = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    if wanted and not results:
        part = {"functionCall": {"name": wanted, "args": model.arguments}}
    else:
        part = {"text": model.last_word(body, results)}
    answer = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
              "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}, "modelVersion": "stub"}
    return events([(None, answer)]) if streams else (json.dumps(answer),)
