"""Scores of a run of `flat` with `architecture=bert`, computed without Arborist.

Usage: pip install torch transformers safetensors tokenizers
       python flat_bert.py RUN < texts        (a text a line; a line of JSON with the score of each label comes back)
"""

import json
import pathlib
import sys

import safetensors.torch
import tokenizers
import torch
import transformers

checkpoint = pathlib.Path(sys.argv[1]) / "checkpoint"
labels = json.loads((checkpoint / "flat.json").read_text())["labels"]
weights = safetensors.torch.load_file(checkpoint / "model.safetensors")
tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
tokenizer.enable_truncation(json.loads((checkpoint / "pieces.json").read_text())["max_length"])
config = transformers.BertConfig.from_json_file(checkpoint / "config.json")
bert = transformers.BertModel(config, add_pooling_layer=False).eval()
bert.load_state_dict({name[5:]: tensor for name, tensor in weights.items() if name.startswith("bert.")})
for line in sys.stdin:
    ids = tokenizer.encode(line.rstrip("\n")).ids
    with torch.inference_mode():
        state = bert(torch.tensor([ids])).last_hidden_state[0, 0]
        scores = torch.sigmoid(weights["classifier.weight"] @ state + weights["classifier.bias"])
    print(json.dumps(dict(zip(labels, scores.tolist()))))
