"""The command loopstab certify, on a shipped checkpoint."""

import json


def test_the_command(called, tmp_path):
    out = tmp_path / "c.safetensors"
    name = "prefix-sums-16-internal-post-s1"
    made = json.loads(called("certify", name, "--input", "1", "--out", str(out), "--json"))
    assert made["complete"]
    assert made["answer"]["settled"] <= made["answer"]["entered"]
    text = called("certify", "--verify", str(out))
    assert "proved again" in text
    assert "other" in called("certify", "--verify", str(out), "internal-post", status=1)
    assert "needs a checkpoint" in called("certify", status=2)
    refused = called("certify", name, "--input", "-1", status=2)
    assert "--input must be a whole number from 0" in refused


def test_what_is_not_certified_is_said(called):
    name = "prefix-sums-16-internal-post-s1"
    refused = json.loads(called("certify", name, "--loops", "3", "--json", status=1, shown="out"))
    assert "does not settle" in refused["refused"]
