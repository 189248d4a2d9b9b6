"""MiniLM with a linear layer by Hugging Face's transformers: training and prediction as its documentation shows them.

Usage: python minilm_peer.py --encoder DIRECTORY --train train.jsonl --test test.jsonl --labels N
Prints one line of JSON. Documents are padded to the longest of their batch and predicted in the order of the file.
"""

import argparse
import json
import os
import random
import time

import torch
import transformers


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Classifier(torch.nn.Module):
    def __init__(self, encoder, labels):
        super().__init__()
        self.bert = transformers.AutoModel.from_pretrained(encoder, add_pooling_layer=False)
        self.classifier = torch.nn.Linear(self.bert.config.hidden_size, labels)
        self.dropout = torch.nn.Dropout(0.1)

    def forward(self, batch):
        return self.classifier(self.dropout(self.bert(**batch).last_hidden_state[:, 0]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--labels", type=int, required=True)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--train-batch", type=int, default=12)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.encoder)
    model = Classifier(args.encoder, args.labels)

    def read(documents):
        texts = [document["text"] for document in documents]
        return tokenizer(texts, truncation=True, max_length=args.max_length, padding=True, return_tensors="pt")

    def batches(documents, size):
        return [documents[start:start + size] for start in range(0, len(documents), size)]

    def train(documents):
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
        model.train()
        for batch in batches(documents, args.train_batch):
            gold = torch.zeros(len(batch), args.labels)
            gold[:, 0] = 1.0
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(read(batch)), gold)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    def predict(documents):
        model.eval()
        with torch.inference_mode():
            return [torch.sigmoid(model(read(batch))) for batch in batches(documents, args.batch)]

    def rate(work, documents):
        started = time.perf_counter()
        work(documents)
        return len(documents) / (time.perf_counter() - started)

    test = rows(args.test)
    predict(test[:64])
    predicted = rate(predict, test)
    documents = rows(args.train)
    random.Random(1).shuffle(documents)
    trained = rate(train, documents)
    print(json.dumps({
        "train_docs_per_s": trained,
        "predict_docs_per_s": predicted,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": args.threads,
    }))


if __name__ == "__main__":
    main()
