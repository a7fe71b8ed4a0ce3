//! A graph in the ONNX format, written by hand: so few bytes need no file.
//!
//! Owns one model of invented purpose and the encoding it takes. Must not become an encoder of everything.

/// Returns a cross-encoder that counts the pairs of equal tokens of query and text. `is_flat` answers one number
/// a pair instead of a row with one score, as some exports do.
#[must_use]
pub fn common_tokens(is_flat: bool) -> Vec<u8> {
    let (sum, shape) =
        if is_flat { ("logits", &["batch"][..]) } else { ("sum", &["batch", "score"][..]) };
    let mut nodes = vec![
        node("Unsqueeze", &["input_ids", "two"], "down", &[]),
        node("Unsqueeze", &["input_ids", "one"], "across", &[]),
        node("Equal", &["down", "across"], "same", &[]),
        node("Unsqueeze", &["token_type_ids", "two"], "type_down", &[]),
        node("Unsqueeze", &["token_type_ids", "one"], "type_across", &[]),
        node("Less", &["type_down", "type_across"], "query_to_text", &[]),
        node("And", &["same", "query_to_text"], "both", &[]),
        node("Cast", &["both"], "counted", &[("to", 1)]),
        node("ReduceSum", &["counted", "sides"], sum, &[("keepdims", 0)]),
    ];
    if !is_flat {
        nodes.push(node("Unsqueeze", &["sum", "one"], "logits", &[]));
    }
    let mut graph: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
    graph.extend(bytes(2, b"common_tokens"));
    for (name, values) in [("one", &[1][..]), ("two", &[2]), ("sides", &[1, 2])] {
        graph.extend(bytes(5, &integers(name, values)));
    }
    for name in ["input_ids", "attention_mask", "token_type_ids"] {
        graph.extend(bytes(11, &value(name, 7, &["batch", "tokens"])));
    }
    graph.extend(bytes(12, &value("logits", 1, shape)));
    let opset = number(2, 17);
    [number(1, 8), bytes(7, &graph), bytes(8, &opset)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 128 {
        out.push(u8::try_from(value % 128).unwrap() | 128);
        value /= 128;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn node(op: &str, inputs: &[&str], output: &str, integers: &[(&str, u64)]) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
    node.extend(bytes(2, output.as_bytes()));
    node.extend(bytes(4, op.as_bytes()));
    for (name, value) in integers {
        let attribute = [bytes(1, name.as_bytes()), number(3, *value), number(20, 2)].concat();
        node.extend(bytes(5, &attribute));
    }
    node
}

fn integers(name: &str, values: &[u64]) -> Vec<u8> {
    let mut tensor = [number(1, values.len() as u64), number(2, 7)].concat();
    values.iter().for_each(|value| tensor.extend(number(7, *value)));
    [tensor, bytes(8, name.as_bytes())].concat()
}

fn value(name: &str, kind: u64, dims: &[&str]) -> Vec<u8> {
    let dim = |dim: &&str| bytes(1, &bytes(2, dim.as_bytes()));
    let shape: Vec<u8> = dims.iter().flat_map(dim).collect();
    let tensor = [number(1, kind), bytes(2, &shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}
