"""Run by test_ray in a process of its own: an evaluation on a cluster of two nodes, of which one is killed midway."""

import json
import os
import sys
import time
from dataclasses import replace

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.cluster_utils import Cluster

from assay import linf, load, spec
from assay.attacks import ATTACKS
from assay.evaluate.on_ray import spread
from assay.evaluate.shards import evaluate
from tests.evaluate.test_shards import network, plan, same

# ray takes 127.0.0.1 for "whatever this machine is called", and would go there
LOOPBACK = {"num_cpus": 1, "node_ip_address": "127.0.0.2", "object_store_memory": 80_000_000}


def main() -> None:
    images, model, seen = load("digits", "test", 50), network(), []
    slow = [spec.read("square(steps=1500)", ATTACKS, "attack")]  # so that both nodes are at work when one is killed
    asked = replace(plan(8), attacks=slow, threat=linf(0.02), epsilons=(0.02,))
    cluster = Cluster(initialize_head=True, head_node_args={**LOOPBACK, "include_dashboard": False})
    second = cluster.add_node(**LOOPBACK)
    ray.init(cluster.address, _node_ip_address="127.0.0.2", log_to_driver=False)

    def killing(classifier, images, plan, parts, workers, bar):
        for rows, shard in spread(classifier, images, plan, parts, workers, bar):
            if not seen:
                cluster.remove_node(second, allow_graceful=False)
            seen.append(rows.start)
            yield rows, shard

    found = evaluate(model, images, asked, workers=2, engine=killing)
    until = time.monotonic() + 60
    while (alive := sum(node["Alive"] for node in ray.nodes())) > 1 and time.monotonic() < until:
        time.sleep(0.5)
    ray.shutdown()
    cluster.shutdown()
    answer = {"same": same(found, evaluate(model, images, asked)), "shards": sorted(seen), "alive": alive}
    sys.stdout.write("\n" + json.dumps(answer | {"told": os.environ["RAY_USAGE_STATS_ENABLED"]}) + "\n")


if __name__ == "__main__":
    main()
