"""Train gradient boosting on one of the lab's datasets and register it.

    HOWDAH_DB=$(howdah url) HOWDAH_HTTP=http://127.0.0.1:8470 python train.py

1. ask the database for the newest dataset (psycopg);
2. fetch its Parquet file from the bucket `datasets`: with boto3 from the S3 endpoint where
   HOWDAH_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, else with SQL;
3. train on the rows with split = train, score the rows with split = test (scikit-learn);
4. put the model into the bucket `models`;
5. register it over HTTP: the lab measures it on the test rows and puts it to the gate.

Needs: psycopg[binary] boto3 scikit-learn pyarrow
"""

import hashlib
import io
import json
import os
import pickle
import sys
import urllib.error
import urllib.request

import numpy as np
import psycopg
import pyarrow.parquet as parquet
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

SEED = 42
MODEL = os.environ.get("HOWDAH_MODEL", "fraud_gbt")
NOT_FEATURES = ["fact_id", "occurred_at", "split", "target"]


def s3():
    """An S3 client, or None where no endpoint is named."""
    if "HOWDAH_S3" not in os.environ:
        return None
    import boto3

    return boto3.client("s3", endpoint_url=os.environ["HOWDAH_S3"], region_name="us-east-1")


def fetch(db, bucket, key):
    if client := s3():
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return db.execute("select howdah.get_object(%s, %s)", [bucket, key]).fetchone()[0]


def store(db, bucket, key, body):
    if client := s3():
        client.put_object(Bucket=bucket, Key=key, Body=body)
    else:
        db.execute("select howdah.put_object(%s, %s, %s)", [bucket, key, body])


def columns(table):
    """Numbers as they are, with NaN for null; categories as numbers, -1 for null. Both are what the trees split on."""
    out, names, categorical = [], [], []
    for name in sorted(set(table.column_names) - set(NOT_FEATURES)):
        values = table[name].to_pylist()
        if any(isinstance(v, str) for v in values):
            known = sorted({v for v in values if v is not None})
            code = {v: i for i, v in enumerate(known)}
            out.append([code.get(v, np.nan) for v in values])
            categorical.append(name)
        else:
            out.append([np.nan if v is None else v for v in values])
        names.append(name)
    return np.array(out, dtype=float).T, names, categorical


def main():
    with psycopg.connect(os.environ["HOWDAH_DB"], autocommit=True) as db:
        row = db.execute("select dataset, object, manifest from lab.datasets order by dataset desc limit 1").fetchone()
        if row is None:
            sys.exit("there is no dataset yet: the lab trains when it goes live")
        number, key, manifest = row
        data = fetch(db, "datasets", key)
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            sys.exit(f"dataset {number} is not the one that its manifest describes")

        table = parquet.read_table(io.BytesIO(data))
        x, names, categorical = columns(table)
        y = np.array(table["target"].to_pylist()) > 0.5
        test = np.array(table["split"].to_pylist()) == "test"
        ids = np.array(table["fact_id"].to_pylist())

        model = HistGradientBoostingClassifier(
            max_iter=100, max_depth=4, learning_rate=0.1, min_samples_leaf=50, random_state=SEED,
            categorical_features=[n in categorical for n in names],
        ).fit(x[~test], y[~test])
        scores = model.predict_proba(x[test])[:, 1]

        artefact = f"{MODEL}/dataset-{number}/model.pickle"
        store(db, "models", artefact, pickle.dumps({"model": model, "columns": names}))

    body = {
        "dataset": number,
        "test_scores": {i: float(s) for i, s in zip(ids[test], scores)},
        "artefact": artefact,
        "inputs": names,
        "tags": {"library": "scikit-learn", "kind": "gradient boosting"},
        "code_version": hashlib.sha256(open(__file__, "rb").read()).hexdigest()[:12],
    }
    request = urllib.request.Request(
        f"{os.environ.get('HOWDAH_HTTP', 'http://127.0.0.1:8470')}/v1/models/{MODEL}/versions",
        data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST",
    )
    if token := os.environ.get("HOWDAH_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request) as answer:
            version = json.load(answer)
    except urllib.error.HTTPError as e:
        sys.exit(f"not registered: {e.read().decode()}")

    print(json.dumps({
        "model": MODEL, "version": version["version"], "dataset": number, "rows": len(y), "test_positives": int(y[test].sum()),
        "auc": round(float(roc_auc_score(y[test], scores)), 6), "registered_auc": round(version["metrics"]["auc"], 6),
        "ap": round(version["metrics"]["ap"], 6), "gate": version["gate"]["passed"],
    }))


if __name__ == "__main__":
    main()
