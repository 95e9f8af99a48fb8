"""
The yardstick of embeddings.ts: sentence-transformers on torch, asked on stdin.

One JSON list of texts a line in, one JSON object with their vectors and the seconds they took out; the model is the
folder given as the first argument, the number of threads the second (without it torch decides). The first answer
includes everything since the process started.
"""

import json
import resource
import sys
import time

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

if len(sys.argv) > 2:
    torch.set_num_threads(int(sys.argv[2]))
transformer = Transformer(sys.argv[1], max_seq_length=256)
pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")

for line in sys.stdin:
    texts = json.loads(line)
    used = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    vectors = model.encode(texts, show_progress_bar=False)
    seconds = time.perf_counter() - started
    now = resource.getrusage(resource.RUSAGE_SELF)
    answer = {
        "vectors": vectors.tolist(),
        "seconds": seconds,
        "processorSeconds": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime,
        "peakBytes": now.ru_maxrss * 1024,
    }
    print(json.dumps(answer), flush=True)
