"""A million images on 64 GPUs, simulated: workers take shards, some nodes die, what was begun there is done again."""

import argparse
import heapq
import math
import random
from dataclasses import dataclass

import journal


@dataclass(frozen=True)
class Cluster:
    """Times in seconds. passes: forward and backward through the network an image needs, of which `uneven` is the
    relative spread between images; speed: passes a second of one GPU."""

    images: int
    gpus: int
    per_node: int
    shard: int
    passes: float
    uneven: float
    speed: float
    start: float
    write: float
    between_deaths: float  # of one node
    repair: float


def simulate(cluster: Cluster, seed: int) -> dict[str, float]:
    """Hours until the last shard is done, share of work done twice, and how long GPUs waited for the last one."""
    chance = random.Random(seed)
    shards = math.ceil(cluster.images / cluster.shard)
    todo, done, lost, busy = shards, 0, 0.0, 0.0
    nodes = cluster.gpus // cluster.per_node
    deaths = [chance.expovariate(1 / cluster.between_deaths) for _ in range(nodes)]
    free = [(cluster.start, gpu) for gpu in range(cluster.gpus)]
    heapq.heapify(free)
    ends: list[float] = []
    while done < shards:
        now, gpu = heapq.heappop(free)
        node = gpu // cluster.per_node
        if now >= deaths[node]:
            deaths[node] = now + cluster.repair + chance.expovariate(1 / cluster.between_deaths)
            heapq.heappush(free, (now + cluster.repair + cluster.start, gpu))
            continue
        if not todo:
            continue
        todo -= 1
        spread = 1 + cluster.uneven / math.sqrt(cluster.shard) * chance.gauss(0, 1)
        took = cluster.shard * cluster.passes * spread / cluster.speed + cluster.write
        if now + took > deaths[node]:
            lost += deaths[node] - now
            todo += 1
            heapq.heappush(free, (deaths[node], gpu))
            continue
        busy, done = busy + took, done + 1
        ends.append(now + took)
        heapq.heappush(free, (now + took, gpu))
    last = max(ends)
    return {"hours": last / 3600, "lost": lost / busy, "idle": 1 - (busy + lost) / (last * cluster.gpus)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--speed", type=float, default=1500.0, help="passes a second of one GPU, forward or backward")
    parser.add_argument("--passes", type=float, default=140.0, help="of one image: standard, on a hardened net")
    parser.add_argument("--seeds", type=int, default=20)
    asked = parser.parse_args()
    rows = []
    for shard in (16, 111, 512, 4096):
        for days in (30.0, 1.0):
            node = Cluster(
                asked.images, asked.gpus, 8, shard, asked.passes, 1.5, asked.speed, 40, 0.5, days * 86400, 600
            )
            found = [simulate(node, seed) for seed in range(asked.seeds)]
            spread = {key: journal.spread((100 ** (key != "hours") * one[key] for one in found), 2) for key in found[0]}
            rows.append((shard, math.ceil(asked.images / shard), f"{days:g} days", *spread.values()))
    print(journal.table(("images a shard", "shards", "a node dies every", "hours", "done twice, %", "idle, %"), rows))


if __name__ == "__main__":
    main()
