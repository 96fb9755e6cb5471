"""``python tiny_model.py FILE``: a llama of two layers with random weights, as GGUF; 0.5 MB.

Its words are noise. What is real is llama.cpp itself: streaming, the end by length, a prompt that
is too long, a cancel. Run with the environment of the servers (needs gguf and numpy).
"""

from __future__ import annotations

import sys

WORDS, DIM, LAYERS, HEADS, INNER, CONTEXT = 64, 64, 2, 4, 128, 2048
BYTES = 256


def main(path: str) -> None:
    """Write it."""
    import gguf
    import numpy as np

    chance = np.random.default_rng(0)
    kinds = gguf.TokenType
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % one for one in range(BYTES))]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * BYTES]
    tokens += [f"\u2581word{one}".encode() for one in range(WORDS)]
    types += [kinds.NORMAL] * WORDS
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIM // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(one) for one in range(len(tokens))])
    writer.add_token_types([int(one) for one in types])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(
        "{% for one in messages %}{{ one['role'] }}: {{ one['content'] }}\n{% endfor %}assistant:"
    )

    def weights(name: str, *shape: int) -> None:
        values = chance.standard_normal(shape) * 0.2
        writer.add_tensor(name, values.astype(np.float32))

    weights("token_embd.weight", len(tokens), DIM)
    weights("output.weight", len(tokens), DIM)
    ones = np.ones(DIM, np.float32)
    writer.add_tensor("output_norm.weight", ones)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{name}.weight", ones)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights(f"{block}.{name}.weight", DIM, DIM)
        for name in ("ffn_gate", "ffn_up"):
            weights(f"{block}.{name}.weight", INNER, DIM)
        weights(f"{block}.ffn_down.weight", DIM, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
