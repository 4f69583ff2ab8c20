"""Scripts in processes of their own, some of them in several."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import tiny

# accelerate launch says how many processes there are, and which this is: the first one reports
PROCESSES = int(os.environ.get("WORLD_SIZE", "1"))
MAIN = os.environ.get("RANK", "0") == "0"


def run_python(processes, *command):
    """A script in so many processes, which find each other by gloo. Prints what they print; returns the exit status."""
    launcher = [] if processes == 1 else ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    ended = subprocess.run([sys.executable, "-W", "ignore", *launcher, *command], stdout=subprocess.PIPE, text=True, check=False)
    print(ended.stdout, end="", flush=True)
    return ended.returncode


def run_all(commands):
    """Scripts, after their number of processes, as many at once as there are processors; returns the worst status."""
    tiny.model()  # which they find
    tiny.reward_model()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return max(pool.map(lambda command: run_python(*command), commands), default=0)
