"""Times pitch and harmonicity of the spoken clips in fixtures/golden/media_speech: this crate's, and Praat's through parselmouth in one process.

Run it anywhere in the repository:  pip install praat-parselmouth && python3 harness/media/benches/against_praat.py

Both read the clips first, and the best of some rounds counts. Praat computes on one core; this crate on as many as there are, up to eight.
"""

import json
import pathlib
import subprocess
import time

import parselmouth

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
SOUNDS = [parselmouth.Sound(str(p)) for p in sorted((REPOSITORY / "fixtures/golden/media_speech").glob("*.wav"))]


def best(measure, rounds=10):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for sound in SOUNDS:
            measure(sound)
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


command = ["cargo", "bench", "-q", "-p", "tribunal-media", "--bench", "voice"]
ours = json.loads(subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
praat = {
    "pitch": best(lambda s: s.to_pitch_ac()),
    "harmonicity": best(lambda s: s.to_harmonicity_ac(time_step=0.01, minimum_pitch=75.0, silence_threshold=0.1, periods_per_window=4.5)),
}
print(f"{ours['clips']} clips, {ours['seconds']} s; Praat {parselmouth.PRAAT_VERSION} through parselmouth {parselmouth.VERSION}")
for figure, theirs in praat.items():
    mine = ours[f"{figure}_ms"]
    print(f"{figure}: {mine:.1f} ms, Praat {theirs:.1f} ms: {theirs / mine:.1f} times as fast")
