// SPDX-License-Identifier: MIT
const $ = (id) => document.getElementById(id);
const POLL_MS = 5000, RETRY_MS = 1000, SLOW_MS = 3000, GIVE_UP_MS = 30000;
const keys = $('keys'), screen = $('screen');
const terminal = new Terminal(screen, $('out'), $('line').children);
let repl = null;        // the session, when logged in
let trying = false;     // a login is in progress
let kept = null;        // the password, if automatic login is allowed
let lost = false;       // the session ended unexpectedly
let boot = null, path = '/webrepl', timer, polling = false, alive = false;

// ---- status

function say(id, text, is) {
  const element = $(id);
  // a live region is announced on every write
  if (element.textContent !== text) element.textContent = text;
  if (is) element.dataset.is = is;
}

const kB = (n) => (n / 1000).toFixed(1) + '\u00a0kB';

function age(ms) {
  const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, '0');
  const clock = [s / 3600 % 24, s / 60 % 60, s % 60].map((n) => two(Math.floor(n))).join(':');
  return s < 86400 ? clock : Math.floor(s / 86400) + ' d ' + clock;
}

const used = (listener) => listener ? listener.open + ' of ' + listener.max : 'off';

function expiry(certificate) {
  const days = Math.floor((Date.parse(certificate.not_after) - Date.now()) / 86400000);
  return certificate.name + ', ' + (days < 0 ? 'expired on ' : 'until ') +
    certificate.not_after.slice(0, 10) + (days < 0 ? '' : ' (' + days + ' days)');
}

function show(status) {
  const certificate = status.https?.certificate;
  document.title = status.name;
  say('name', status.name);
  say('uptime', age(status.uptime_ms));
  say('version', status.version);
  say('heap', kB(status.heap.free) + ' of ' + kB(status.heap.size));
  say('low', 'low_water' in status.heap ? kB(status.heap.low_water) : '\u2013');
  say('python', kB(status.python.free) + ' of ' + kB(status.python.size));
  say('http', used(status.http));
  say('https', used(status.https));
  say('tls', (status.https ? 'on' : 'off') +
    (location.protocol === 'https:' ? ', in use here' : ', not in use here'));
  say('certificate', certificate ? expiry(certificate) : 'none');
  path = status.webrepl;
  const reset = boot !== null && boot !== status.boot;
  boot = status.boot;
  say('state', 'Online', 'good');
  if (reset && repl) repl.close();
  if (lost && !repl && !trying && kept !== null) login(kept);
}

// One request at a time, so that a busy device does not find a queue of them; none while hidden.
async function poll() {
  clearTimeout(timer);
  if (polling || document.hidden) return;
  polling = true;
  alive = false;
  let next = POLL_MS;
  const slow = setTimeout(() => say('state', 'Busy', 'wait'), SLOW_MS);
  const stop = new AbortController();
  const giveUp = setInterval(() => { alive ? alive = false : stop.abort(); }, GIVE_UP_MS);
  try {
    const answer = await fetch('status.json', { cache: 'no-store', signal: stop.signal });
    if (!answer.ok) throw new Error(answer.status);
    show(await answer.json());
  } catch {
    say('state', 'Not answering, trying again', 'bad');
    next = RETRY_MS;
  }
  clearTimeout(slow);
  clearInterval(giveUp);
  polling = false;
  timer = setTimeout(poll, next);
}

document.addEventListener('visibilitychange', poll);

// ---- session

function enable() {
  const on = repl !== null;
  // keep the focus when its element gets hidden
  const inside = !on && (screen.contains(document.activeElement) ||
    $('buttons').contains(document.activeElement));
  $('login').hidden = on;
  $('buttons').hidden = !on;
  keys.disabled = !on;
  for (const id of ['upload', 'download']) $(id).querySelector('button').disabled = !on;
  if (inside) $('password').focus();
}

function ended(session, reason) {
  if (session !== repl) return;
  repl = null;
  lost = true;
  terminal.note('--- connection lost' + (reason ? ': ' + reason : '') + ' ---');
  say('session', kept === null ? 'Connection lost: log in again'
    : 'Connection lost: logging in again when the device answers', 'bad');
  say('transfer', 'Log in to upload and download.');
  enable();
  poll();
}

// An automatic login must not move the user's focus.
function focus(element) {
  const active = document.activeElement;
  if (active === document.body || $('login').contains(active)) {
    element.focus({ preventScroll: true });
  }
}

async function login(password) {
  trying = true;
  $('connect').disabled = true;
  say('problem', '');
  say('session', 'Checking the password', 'wait');
  const url = new URL(path, location.href.replace(/^http/, 'ws'));
  const session = new WebRepl(url, password, (text) => {
    alive = true;
    terminal.write(text);
  }, ended);
  try {
    await session.ready;
    repl = session;
    lost = false;
    if ($('again').checked) kept = password;
    $('password').value = '';
    say('session', 'Logged in', 'good');
    say('transfer', '');
    keys.disabled = false;
    focus(keys);
    enable();
  } catch (error) {
    session.close();
    const wrong = error.message === 'Wrong password';
    if (wrong) kept = null;
    say('session', 'Not logged in', 'bad');
    say('problem', error.message);
    $('password').value = '';
    focus($('password'));
  }
  $('connect').disabled = false;
  trying = false;
}

$('login').onsubmit = (event) => {
  event.preventDefault();
  if (!trying) login($('password').value);
};

$('leave').onclick = () => {
  const session = repl;
  repl = kept = null;
  lost = false;
  session.close();
  say('session', 'Logged out', 'wait');
  say('transfer', 'Log in to upload and download.');
  enable();
};

$('again').onchange = () => { if (!$('again').checked) kept = null; };

// ---- keys

const SPECIAL = {
  Enter: '\r', Backspace: '\x7f', Delete: '\x1b[3~', Home: '\x1b[H', End: '\x1b[F',
  ArrowUp: '\x1b[A', ArrowDown: '\x1b[B', ArrowRight: '\x1b[C', ArrowLeft: '\x1b[D',
};
let leaving = false;  // Escape was the last key: Tab leaves the terminal

function send(text) {
  repl?.send(text);
  screen.scrollTop = screen.scrollHeight;
}

keys.onkeydown = (event) => {
  const tabLeaves = leaving;
  if (!['Shift', 'Control', 'Alt', 'Meta'].includes(event.key)) leaving = event.key === 'Escape';
  if (event.isComposing || event.altKey || event.metaKey) return;
  let text = SPECIAL[event.key];
  if (event.key === 'Tab' && !event.shiftKey && !tabLeaves) text = '\t';
  if (event.ctrlKey) {
    const letter = event.key.toLowerCase();
    text = /^[a-eku]$/.test(letter) ? String.fromCharCode(letter.charCodeAt(0) - 96) : undefined;
    // Ctrl-C copies when text is selected
    if (letter === 'c' && !getSelection().isCollapsed) return;
  }
  if (text === undefined) return;
  event.preventDefault();
  send(text);
};

// Take characters from input events, which phones and input methods send, too.
keys.addEventListener('beforeinput', (event) => {
  if (event.isComposing) return;
  event.preventDefault();
  if (event.inputType === 'insertText') send(event.data ?? '');
  else if (event.inputType === 'insertLineBreak') send('\r');
  else if (event.inputType.startsWith('deleteContentBack')) send('\x7f');
});

keys.addEventListener('compositionend', (event) => {
  send(event.data);
  keys.value = '';
});

// Send several lines in paste mode (Ctrl-E, Ctrl-D), or the REPL would indent them again.
keys.addEventListener('paste', (event) => {
  event.preventDefault();
  const text = event.clipboardData.getData('text').replace(/\r\n|\n/g, '\r')
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '');
  send(text.replace(/\r$/, '').includes('\r') ? '\x05' + text + '\x04' : text);
});

screen.onclick = () => {
  if (getSelection().isCollapsed && !keys.disabled) keys.focus({ preventScroll: true });
};

for (const button of document.querySelectorAll('[data-key]')) {
  const key = button.dataset.key;
  button.onclick = () => send({ up: SPECIAL.ArrowUp, down: SPECIAL.ArrowDown }[key] ?? key);
}

// ---- files

async function transfer(work) {
  const bar = $('progress');
  bar.hidden = false;
  bar.removeAttribute('value');
  try {
    await work(bar);
  } catch (error) {
    say('transfer', error.message, 'bad');
  }
  bar.hidden = true;
}

$('upload').onsubmit = (event) => {
  event.preventDefault();
  transfer(async (bar) => {
    for (const file of $('file').files) {
      const name = $('folder').value.replace(/\/*$/, '/') + file.name;
      say('transfer', 'Uploading ' + name, 'wait');
      const data = new Uint8Array(await file.arrayBuffer());
      await repl.put(name, data, (part) => { bar.value = part; });
      say('transfer', 'Uploaded ' + name + ', ' + data.length + ' bytes', 'good');
    }
  });
};

$('download').onsubmit = (event) => {
  event.preventDefault();
  const name = $('path').value;
  transfer(async () => {
    say('transfer', 'Downloading ' + name, 'wait');
    const blob = await repl.get(name, (total) => {
      say('transfer', 'Downloading ' + name + ', ' + kB(total), 'wait');
    });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name.split('/').pop();
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say('transfer', 'Downloaded ' + name + ', ' + blob.size + ' bytes', 'good');
  });
};

enable();
poll();
