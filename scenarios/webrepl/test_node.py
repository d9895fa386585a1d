# SPDX-License-Identifier: MIT
"""Node's WebSocket client in a WebREPL session."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from espbench.clients import Endpoints

from .clients import BOTH

NODE_WS = "ws@8.18.0"
NODE_CLIENT = r"""
const WebSocket = require('ws');
const ws = new WebSocket(process.argv[2], {rejectUnauthorized: false});
const data = Buffer.alloc(3000, 'node');
let text = '', binary = Buffer.alloc(0), step = 0, got = Buffer.alloc(0);
function request(operation, name, size) {
  const record = Buffer.alloc(82);
  record.write('WA');
  record[2] = operation;
  record.writeUInt32LE(size, 12);
  record.writeUInt16LE(name.length, 16);
  record.write(name, 18);
  return record;
}
function take(count) {
  if (binary.length < count) return null;
  const part = binary.subarray(0, count);
  binary = binary.subarray(count);
  return part;
}
function good() {
  const answer = take(4);
  if (answer && answer.toString('latin1') !== 'WB\0\0') throw new Error('answer ' + answer);
  return answer;
}
const steps = [
  () => text.endsWith('Password: ') && (ws.send('espbench\r'), true),
  () => text.endsWith('WebREPL connected\r\n>>> ') && (ws.send('6 * 7\r'), true),
  () => text.endsWith('\r\n42\r\n>>> ') && (ws.send(request(1, '/node.txt', data.length)), true),
  () => good() && (ws.send(data.subarray(0, 1024)), ws.send(data.subarray(1024)), true),
  () => good() && (ws.send(request(2, '/node.txt', 0)), true),
  () => good() && (ws.send(Buffer.from([0])), true),
  () => {
    if (binary.length < 2 || binary.length < 2 + binary.readUInt16LE(0)) return false;
    const size = take(2).readUInt16LE(0);
    got = Buffer.concat([got, take(size)]);
    if (size) ws.send(Buffer.from([0]));
    return size === 0;
  },
  () => good() && (ws.send("import os; os.remove('/node.txt')\r"), true),
  () => text.endsWith("txt')\r\n>>> ") && (ws.close(1000), true),
];
ws.on('message', (message, isBinary) => {
  if (isBinary) binary = Buffer.concat([binary, message]); else text += message.toString();
  while (step < steps.length && steps[step]()) step++;
});
ws.on('close', (code) => {
  console.log(JSON.stringify({code, step, steps: steps.length, same: got.equals(data)}));
});
"""


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which Node finds the ws library."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    done = subprocess.run(
        [npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, NODE_WS],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm could not install {NODE_WS}: {done.stderr.strip()[-300:]}")
    return folder


@BOTH
def test_node(scheme: str, node_folder: Path, endpoints: Endpoints) -> None:
    """Node's ws logs in, runs a line, and sends and fetches a file."""
    script = node_folder / "client.js"
    script.write_text(NODE_CLIENT)
    done = subprocess.run(
        ["node", script, endpoints[scheme].url("/webrepl", websocket=True)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=node_folder,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result == {"code": 1000, "step": result["steps"], "steps": 9, "same": True}
