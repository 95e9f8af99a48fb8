"""
The other yardstick of throughput.ts: fastembed on onnxruntime, asked on stdin as sentence_transformers_yardstick.py is.

Arguments: the folder of the model, the number of threads, a folder for the model in ONNX. fastembed fetches that from a
hub; where there is none it is exported from the same weights, with PyTorch, once.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

model_dir, threads, onnx_dir = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])


def export() -> None:
    import torch
    from transformers import AutoModel

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(model_dir, attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.model(input_ids, attention_mask, token_type_ids).last_hidden_state

    names = ["input_ids", "attention_mask", "token_type_ids"]
    ones = torch.ones((2, 16), dtype=torch.int64)
    axes = {name: {0: "batch", 1: "length"} for name in [*names, "last_hidden_state"]}
    torch.onnx.export(
        Hidden(),
        (ones, ones, ones * 0),
        str(onnx_dir / "model.onnx"),
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes=axes,
        dynamo=False,
    )
    for name in ("config.json", "tokenizer.json"):
        (onnx_dir / name).write_bytes(Path(model_dir, name).read_bytes())
    # As in the model's repository.
    (onnx_dir / "tokenizer_config.json").write_text(
        json.dumps({"model_max_length": 256, "pad_token": "[PAD]", "tokenizer_class": "BertTokenizer"})
    )
    marks = {"cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]", "sep_token": "[SEP]"}
    (onnx_dir / "special_tokens_map.json").write_text(json.dumps({**marks, "unk_token": "[UNK]"}))


if not (onnx_dir / "special_tokens_map.json").exists():
    # In a process of its own, whose memory does not count.
    onnx_dir.mkdir(parents=True, exist_ok=True)
    pid = os.fork()
    if pid == 0:
        export()
        os._exit(0)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("the model could not be exported")

from fastembed import TextEmbedding  # noqa: E402

model = TextEmbedding(
    "sentence-transformers/all-MiniLM-L6-v2", specific_model_path=str(onnx_dir), threads=threads, cuda=False
)

for line in sys.stdin:
    texts = json.loads(line)
    used = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    vectors = list(model.embed(texts))
    seconds = time.perf_counter() - started
    now = resource.getrusage(resource.RUSAGE_SELF)
    answer = {
        "vectors": [vector.tolist() for vector in vectors],
        "seconds": seconds,
        "processorSeconds": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime,
        "peakBytes": now.ru_maxrss * 1024,
    }
    print(json.dumps(answer), flush=True)
