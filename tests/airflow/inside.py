"""What is asked of Airflow, by a Python that has it: its answers are the last line, in JSON.

python inside.py parse        what the DAGs folder holds
python inside.py run CONF     one run of the DAG, through to its end
"""

import json
import sys
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.settings import DAGS_FOLDER
from airflow.utils.session import create_session

NAME = "kanarya_pipeline"


def parse() -> dict[str, Any]:
    bag = DagBag(DAGS_FOLDER)
    tasks = {
        task.task_id: sorted(task.downstream_task_ids)
        for dag in bag.dags.values()
        for task in dag.tasks
    }
    return {"errors": bag.import_errors, "dags": sorted(bag.dags), "tasks": tasks}


def run(conf: dict[str, Any]) -> dict[str, Any]:
    dag = DagBag(DAGS_FOLDER).dags[NAME]
    for task in dag.tasks:
        task.retries = 0  # they are waited for
    dag.get_task("wait").poke_interval = 0.1
    begun = dag.get_task("submit").python_callable.__globals__["begun"]
    ended = dag.test(run_conf=conf)
    assert ended is not None
    instances = ended.get_task_instances()
    with create_session() as session:
        events = [(event.asset.uri, event.extra) for event in session.query(AssetEvent)]
    recorded = next(each for each in instances if each.task_id == "record").xcom_pull("record")
    return {
        "state": str(ended.state),
        "tasks": {each.task_id: str(each.state) for each in instances},
        "recorded": recorded,
        "events": events,
        "again": (begun(recorded["run"]) or {}).get("run_id") if recorded else None,
    }


if __name__ == "__main__":
    answer = parse() if sys.argv[1] == "parse" else run(json.loads(sys.argv[2]))
    print(json.dumps(answer))
