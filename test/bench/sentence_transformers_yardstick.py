"""
The yardstick of embeddings.ts: sentence-transformers on torch, asked on stdin.

One JSON list of texts a line in, one JSON object with their vectors and the seconds they took out; the model is the
folder given as the first argument. The first answer includes everything since the process started.
"""

import json
import resource
import sys
import time

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

transformer = Transformer(sys.argv[1], max_seq_length=256)
pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")

for line in sys.stdin:
    texts = json.loads(line)
    started = time.perf_counter()
    vectors = model.encode(texts, show_progress_bar=False)
    seconds = time.perf_counter() - started
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"vectors": vectors.tolist(), "seconds": seconds, "peakBytes": peak_bytes}), flush=True)
