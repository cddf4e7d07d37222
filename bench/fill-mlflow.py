"""Writes an MLflow store with as many finished runs as asked: python fill-mlflow.py sqlite:///store.db 100000

By MLflow's own tables, in bulk: logging 100,000 runs through its API takes most of an hour, and what is measured is how
they are searched. Each run has what a fold's summary has in Baton: scores, parameters, a name.
"""

import random
import sys

from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import insert, text

address, count = sys.argv[1], int(sys.argv[2])
store = SqlAlchemyStore(address, "file:///tmp/none")  # Makes the tables.
experiment_id = int(store.create_experiment("bench"))
draw = random.Random(42)
start = 1_790_000_000_000

with store.engine.begin() as connection:
    for first in range(0, count, 5000):
        runs, metrics, latest, params, tags = [], [], [], [], []
        for n in range(first, min(first + 5000, count)):
            uuid = f"{n:032x}"
            at = start + 60_000 * n
            runs.append({
                "run_uuid": uuid, "name": f"resnet-{n}", "source_type": "LOCAL", "source_name": "", "entry_point_name": "",
                "user_id": "bench", "status": "FINISHED", "start_time": at, "end_time": at + 3_600_000,
                "source_version": "", "lifecycle_stage": "active", "artifact_uri": f"file:///tmp/none/{uuid}",
                "experiment_id": experiment_id,
            })
            cv = 0.5 + 0.08 * draw.gauss(0, 1)
            scores = {"cv": cv, "cv_std": 0.01 * draw.random(), "lb_public": cv - 0.02 * draw.random()}
            for key, value in scores.items():
                row = {"key": key, "value": value, "timestamp": at, "step": 0, "is_nan": False, "run_uuid": uuid}
                metrics.append(row)
                latest.append(row)
            chosen = {"model": draw.choice(["convnet", "resnet", "bundle"]), "lr": draw.choice([0.1, 0.05, 0.02]), "folds": 10, "seed": 42}
            params += [{"key": key, "value": str(value), "run_uuid": uuid} for key, value in chosen.items()]
            tags.append({"key": "mlflow.runName", "value": f"resnet-{n}", "run_uuid": uuid})
        for table, rows in ((SqlRun, runs), (SqlMetric, metrics), (SqlLatestMetric, latest), (SqlParam, params), (SqlTag, tags)):
            connection.execute(insert(table.__table__), rows)
    # In MLflow's favour: without statistics SQLite joins each run with a scan, and a search takes minutes.
    connection.execute(text("ANALYZE"))
print(experiment_id)
