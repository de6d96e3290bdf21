"""Train the demonstration model: `python -m models.train`, or `make model`.

Two processes, one core each, hear different windows and share their gradients. Training can be
stopped at any time, and goes on from its last saved state when it is started again. It prints the
step, the losses, the time gone and left, and at times the word error rate on a few sentences by
voices that it never hears.
"""

import argparse
import math
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import MethodType

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from whisper.model import ModelDimensions, MultiHeadAttention, Whisper

from models import export, speech
from models.progress import development_error
from models.tokens import Pronunciations, tokenizer, tokens_in_use
from models.windows import Window, Windows, pad

DIMENSIONS = ModelDimensions(
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=192,
    n_audio_head=3,
    n_audio_layer=5,
    n_vocab=51864,
    n_text_ctx=448,
    n_text_state=192,
    n_text_head=3,
    n_text_layer=2,
)
TIMESTAMPS = 1501
STEPS = 16_000
WARM_UP = 300
SHORT_WINDOWS_ONLY = 1000
DECAY = 0.3  # the last share of the steps, over which the learning rate falls to nothing


@dataclass(frozen=True)
class Layout:
    """How the windows of a step are laid out: frames, windows in a batch, and how often."""

    frames: int
    batch: int
    share: float


LAYOUTS = (Layout(600, 24, 0.5), Layout(1000, 14, 0.22), Layout(3000, 5, 0.28))


def attention(
    module: MultiHeadAttention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, None]:
    """Attend as `MultiHeadAttention.qkv_attention` does, without torch's fused kernel.

    On a CPU with bfloat16, three plain operations take 0.4 of the fused kernel's time.
    """
    q, k, v = (x.reshape(*x.shape[:2], module.n_head, -1).transpose(1, 2) for x in (q, k, v))
    looked = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        looked = looked + mask[: q.shape[2], : k.shape[2]].to(looked.dtype)
    return (looked.softmax(-1).to(v.dtype) @ v).transpose(1, 2).flatten(2), None


class Student(nn.Module):
    """Whisper with rows for the tokens in use; all others share one, weighted by their count.

    Smooth functions of time are part of the timestamps' rows, so that each helps its neighbours. A
    head for CTC on phones leads the encoder; it is not exported.
    """

    rows: Tensor
    time: Tensor

    def __init__(self, dimensions: ModelDimensions, phones: int) -> None:
        super().__init__()
        self.dimensions = dimensions
        whisper = Whisper(dimensions)
        self.encoder, self.decoder = whisper.encoder, whisper.decoder
        for module in whisper.modules():
            if isinstance(module, MultiHeadAttention):
                module.qkv_attention = MethodType(attention, module)
        state = dimensions.n_text_state
        del self.decoder.token_embedding
        used = tokens_in_use()
        self.words = nn.Parameter(torch.randn(len(used) + 1, state) * 0.02)
        self.moments = nn.Parameter(torch.randn(TIMESTAMPS, state) * 0.002)
        self.from_time = nn.Parameter(torch.randn(64, state) * 0.02)
        self.phones = nn.Linear(dimensions.n_audio_state, phones)
        time_ = torch.arange(TIMESTAMPS)[:, None] * torch.exp(
            torch.linspace(0, -math.log(1500), 32)
        )
        self.register_buffer("time", torch.cat([time_.sin(), time_.cos()], 1), persistent=False)
        rows = torch.full((dimensions.n_vocab,), len(used))
        rows[list(used)] = torch.arange(len(used))
        rows[tokenizer().timestamp_begin :] = len(used) + 1 + torch.arange(TIMESTAMPS)
        self.register_buffer("rows", rows, persistent=False)
        self.unused = dimensions.n_vocab - TIMESTAMPS - len(used)
        # Positions begin as sinusoids, so that a prompt of any length shifts what follows alike.
        angles = torch.arange(dimensions.n_text_ctx)[:, None] * torch.exp(
            torch.linspace(0, -math.log(2000), state // 2)
        )
        self.decoder.positional_embedding.data = 0.02 * torch.cat([angles.sin(), angles.cos()], 1)

    def embedding(self) -> Tensor:
        """Return the rows in use, the shared row, and the rows of the timestamps."""
        return torch.cat([self.words, self.moments + self.time @ self.from_time])

    def hear(self, mel: Tensor) -> Tensor:
        """Encode spectrograms, (batch, 80, frames), into (batch, frames / 2, state)."""
        x = functional.gelu(self.encoder.conv1(mel))
        x = functional.gelu(self.encoder.conv2(x)).transpose(1, 2).float()
        x = x + self.encoder.positional_embedding[: x.shape[1]]
        for block in self.encoder.blocks:
            x = block(x)
        heard: Tensor = self.encoder.ln_post(x)
        return heard

    def answer(self, tokens: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits over the rows, and the last layer's logits of where to look.

        Their shapes: (batch, tokens, rows) and (batch, heads, tokens, positions).
        """
        rows = self.rows[tokens]
        embedding = self.embedding()
        x = embedding[rows] + self.decoder.positional_embedding[: tokens.shape[1]]
        *first, last = self.decoder.blocks
        for block in first:
            x = block(x, heard, mask=self.decoder.mask)
        x = x + last.attn(last.attn_ln(x), mask=self.decoder.mask)[0]
        seen, looked = self._look(last.cross_attn, last.cross_attn_ln(x), heard)
        x = x + seen
        x = x + last.mlp(last.mlp_ln(x))
        logits = (self.decoder.ln(x) @ embedding.T).float()
        correction = torch.zeros(len(embedding))
        correction[len(self.words) - 1] = math.log(self.unused)
        return logits + correction, looked

    @staticmethod
    def _look(attention: MultiHeadAttention, x: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Attend as openai-whisper does, and return where to: its own class cuts that gradient."""
        heads = [
            projected.unflatten(-1, (attention.n_head, -1)).transpose(1, 2)
            for projected in (attention.query(x), attention.key(heard), attention.value(heard))
        ]
        looked = heads[0] @ heads[1].transpose(-1, -2) / heads[0].shape[-1] ** 0.5
        seen = looked.float().softmax(-1).to(x.dtype) @ heads[2]
        return attention.out(seen.transpose(1, 2).flatten(2)), looked

    def whisper_state(self) -> dict[str, Tensor]:
        """Return the weights under openai-whisper's names, with a row for every token."""
        embedding = self.embedding().detach()
        weights = {f"encoder.{name}": value for name, value in self.encoder.state_dict().items()}
        weights |= {f"decoder.{name}": value for name, value in self.decoder.state_dict().items()}
        weights["decoder.token_embedding.weight"] = embedding[self.rows]
        return {name: value.detach().clone() for name, value in weights.items()}


@dataclass
class Batch:
    """Windows side by side: see `windows.Window`. Targets are rows of the embedding."""

    mel: Tensor
    tokens: Tensor
    targets: Tensor
    focus: Tensor
    phones: Tensor
    phone_counts: Tensor
    positions: Tensor


def collate(
    windows: list[Window], frames: int, rng: np.random.Generator, rows: Tensor, dropped: float
) -> Batch:
    """Put windows side by side; hide some of the decoder's words, so that it listens instead."""
    longest = max(len(window.tokens) for window in windows)
    tokens = torch.full((len(windows), longest), int(tokenizer().eot))
    targets, focus = (
        torch.full((len(windows), longest), -1),
        torch.full((len(windows), longest, 2), -1.0),
    )
    for i, window in enumerate(windows):
        n = len(window.tokens)
        tokens[i, :n], focus[i, :n] = torch.tensor(window.tokens), torch.tensor(window.focus)
        asked = torch.tensor(window.targets)
        targets[i, :n] = torch.where(asked >= 0, rows[asked.clamp(min=0)], -1)
    hidden = torch.from_numpy(rng.random(tokens.shape) < dropped) & (tokens < tokenizer().eot)
    tokens[hidden] = int(tokenizer().transcribe)  # any token that is not in use
    return Batch(
        torch.from_numpy(np.stack([pad(window.mel, frames, rng) for window in windows])),
        tokens,
        targets,
        focus,
        torch.tensor([phone for window in windows for phone in window.phones]),
        torch.tensor([len(window.phones) for window in windows]),
        torch.tensor([window.positions for window in windows]),
    )


def layout_of(step: int) -> Layout:
    """Return the layout of a step, the same in all processes."""
    # Short windows alone, at first: what is heard where is learnt from them within minutes.
    among = LAYOUTS[:1] if step < SHORT_WINDOWS_ONLY else LAYOUTS
    return random.Random(step).choices(among, [layout.share for layout in among])[0]


def make_batch(windows: Windows, student: Student, layout: Layout) -> Batch:
    """Make one batch: most windows filled with speech, some nearly empty, some silent."""
    rng, made = windows.rng, []
    for _ in range(layout.batch):
        kind = rng.random()
        if kind < 0.06:
            most = 0
        elif layout.frames == 600:
            most = 1 if kind < 0.6 else 4
        else:
            most = int(rng.integers(1, 4)) if kind < 0.3 else 60
        made.append(
            windows.window(
                layout.frames, most, float(rng.choice((0.3, 1.0, 3.0), p=(0.3, 0.55, 0.15)))
            )
        )
    return collate(made, layout.frames, rng, student.rows, 0.08)


def losses(student: Student, batch: Batch) -> dict[str, Tensor]:
    """Return the losses of a batch: words, phones (CTC), and where the decoder looks."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        heard = student.hear(batch.mel)
        logits, looked = student.answer(batch.tokens, heard)
        phones = student.phones(heard)
    asked = batch.targets >= 0
    words = functional.cross_entropy(logits[asked], batch.targets[asked])
    spoken = batch.phone_counts > 0
    ctc = functional.ctc_loss(
        phones[spoken].float().log_softmax(-1).transpose(0, 1),
        batch.phones,
        batch.positions[spoken],
        batch.phone_counts[spoken],
        zero_infinity=True,
    )
    at = torch.arange(heard.shape[1])
    here = (at >= batch.focus[..., :1]) & (at <= batch.focus[..., 1:])
    focused = batch.focus[..., 1] > 0
    attention = looked.float().softmax(-1)
    share = (attention * here[:, None]).sum(-1)  # of it that is in the right place
    focus = -(share.transpose(1, 2)[focused] + 1e-4).log().mean()
    return {"words": words, "phones": ctc, "focus": focus}


def share_gradients(student: Student) -> None:
    """Average the gradients of all processes."""
    gradients = [p.grad for p in student.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    parts = torch.split(flat / dist.get_world_size(), [g.numel() for g in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


class Training:
    """All that a step changes: the student, its running mean, and their optimizers."""

    def __init__(self, phones: int, steps: int) -> None:
        self.steps, self.step, self.seconds, self.strength = steps, 0, 0.0, 0.4
        self.losses: dict[str, float] = {}
        self.student, self.averaged = Student(DIMENSIONS, phones), Student(DIMENSIONS, phones)
        self.averaged.load_state_dict(self.student.state_dict())
        named = list(self.student.named_parameters())
        matrices = [p for name, p in named if "blocks" in name and p.ndim == 2]
        others = [p for name, p in named if not ("blocks" in name and p.ndim == 2)]
        self.optimizers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=4e-3, weight_decay=0.03, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01),
        )
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["full_lr"] = group["lr"]

    def save(self, file: Path) -> None:
        """Write everything to a file, replaced in one step."""
        state = {
            "numbers": (self.step, self.seconds, self.strength, self.losses),
            "modules": (self.student.state_dict(), self.averaged.state_dict()),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        torch.save(state, file.with_suffix(".new"))
        file.with_suffix(".new").replace(file)

    def load(self, file: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(file)
        self.step, self.seconds, self.strength, self.losses = state["numbers"]
        for module, weights in zip((self.student, self.averaged), state["modules"], strict=True):
            module.load_state_dict(weights)
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)

    def learn(self, batch: Batch) -> None:
        """Do one step."""
        # The learning rate goes up, stays, and comes down to nothing.
        rate = (self.steps - self.step) / (DECAY * self.steps)
        rate = min((self.step + 1) / WARM_UP, 1.0, max(0.01, rate))
        parts = losses(self.student, batch)
        torch.autograd.backward(parts["words"] + 0.3 * parts["phones"] + 0.1 * parts["focus"])
        share_gradients(self.student)
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["full_lr"]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        keep = min(0.999, (1 + self.step) / (30 + self.step))
        pairs = zip(self.averaged.parameters(), self.student.parameters(), strict=True)
        for mean, value in pairs:
            mean.data.lerp_(value.data, 1 - keep)
        self.step += 1
        for name, loss in parts.items():
            self.losses[name] = 0.98 * self.losses.get(name, loss.item()) + 0.02 * loss.item()
        # Full strength from the start never locks on: it rises once the phones are nearly heard.
        if self.losses["phones"] < 1:
            self.strength = min(1.0, self.strength + 0.0005)

    def progress(self) -> str:
        """Return where training is, as one line."""
        told = "  ".join(f"{name} {loss:.3f}" for name, loss in self.losses.items())
        left = self.seconds / self.step * (self.steps - self.step) / 3600
        hours = f"{self.seconds / 3600:.2f} h gone, {left:.2f} h left"
        return f"step {self.step}/{self.steps}  {told}  strength {self.strength:.2f}  {hours}"


def train(steps: int, build: Path, rank: int, processes: int) -> None:
    """Train until a number of steps is done, going on from the state in `build`."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    meeting = f"file://{build / f'meeting-{os.getppid()}'}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    pronunciations = Pronunciations(build / "phones.json")
    training = Training(len(pronunciations), steps)
    if (build / "state.pt").exists():
        training.load(build / "state.pt")
    chance = np.random.default_rng((rank, training.step))
    windows = Windows(build / "corpus", pronunciations, chance)
    while training.step < steps:
        began = time.perf_counter()
        windows.strength = training.strength
        training.learn(make_batch(windows, training.student, layout_of(training.step)))
        training.seconds += time.perf_counter() - began
        if training.step % 100 == 0:
            windows.refresh()
        if rank != 0:
            continue
        last = training.step == steps
        if training.step % 20 == 0:
            print(training.progress(), flush=True)
        if training.step % 200 == 0 or last:
            training.save(build / "state.pt")
        if training.step % 500 == 0 or last:
            # Once the learning rate has come down, the running mean is behind.
            best = training.student if last else training.averaged
            export.save(best.whisper_state(), DIMENSIONS, build / "demo.pt")
            print(f"step {training.step}  {development_error(build / 'demo.pt')}", flush=True)
    dist.destroy_process_group()


def main() -> None:
    """Synthesise the corpus where it is missing, then train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--shards", type=int, default=80)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--skip-corpus", action="store_true", help="train on the speech that is there"
    )
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rank is not None:
        train(arguments.steps, speech.BUILD, arguments.rank, arguments.processes)
        return
    if missing := speech.missing_synthesisers():
        sys.exit(
            f"Missing: {', '.join(missing)}. On Debian: apt install {' '.join(speech.PACKAGES)}"
        )
    speech.BUILD.mkdir(parents=True, exist_ok=True)
    # glibc gives large blocks back to the system and asks for them again, page by page: slow.
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": "4000000000",
        "MALLOC_TRIM_THRESHOLD_": "8000000000",
    }
    for module, each in (("models.corpus", "--part"), ("models.train", "--rank"))[
        arguments.skip_corpus :
    ]:
        command = [sys.executable, "-m", module, "--shards", str(arguments.shards)]
        running = []
        for rank in range(arguments.processes):
            share = f"{rank}/{arguments.processes}" if each == "--part" else str(rank)
            more = (
                ["--steps", str(arguments.steps), "--processes", str(arguments.processes)]
                if each == "--rank"
                else []
            )
            running.append(subprocess.Popen([*command, each, share, *more], env=environment))
        if any(code != 0 for code in [process.wait() for process in running]):
            sys.exit(f"{module} failed")


if __name__ == "__main__":
    main()
