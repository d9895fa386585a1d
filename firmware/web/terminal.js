// SPDX-License-Identifier: MIT
// A minimal terminal for a REPL: one line that can be edited, and the output above it. Control
// characters: CR, LF, BS, HT. Escape sequences: cursor left, right and to a column, erase in line,
// clear the screen; others, such as colours, are ignored.
class Terminal {
  #lines; #parts; #box; #chars = []; #at = 0; #escape = ''; #new = null;

  constructor(box, lines, parts) {
    this.#box = box;
    this.#lines = lines;
    this.#parts = parts;
  }

  write(text) {
    const box = this.#box, down = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    this.#new = document.createDocumentFragment();
    for (const c of text) {
      this.#escape || c === '\x1b' ? this.#sequence(c) : this.#put(c);
    }
    this.#lines.append(this.#new);
    while (this.#lines.childElementCount > 1000) this.#lines.firstElementChild.remove();
    const at = this.#at, chars = this.#chars;
    this.#parts[0].textContent = chars.slice(0, at).join('');
    this.#parts[1].textContent = chars[at] ?? ' ';
    this.#parts[2].textContent = chars.slice(at + 1).join('');
    if (down) box.scrollTop = box.scrollHeight;
  }

  // Prints a line of the page's own, separate from the device's output.
  note(text) {
    this.write((this.#chars.length ? '\r\n' : '') + text + '\r\n');
  }

  #put(c) {
    if (c === '\r') this.#at = 0;
    else if (c === '\n') this.#end();
    else if (c === '\b') this.#at = Math.max(0, this.#at - 1);
    else if (c === '\t') this.#right(8 - this.#at % 8);
    else if (c >= ' ' && c !== '\x7f') {
      while (this.#chars.length < this.#at) this.#chars.push(' ');
      this.#chars[this.#at++] = c;
    }
  }

  #end() {
    const line = document.createElement('div');
    line.textContent = this.#chars.join('');
    this.#new.append(line);
    this.#chars = [];
    this.#at = 0;
  }

  #right(n) { this.#at = Math.min(this.#at + n, 1000); }

  #sequence(c) {
    const text = this.#escape += c;
    const done = /^\x1b\[([0-?]*)[ -/]*([@-~])$/.exec(text);
    if (done) this.#run(done[2], parseInt(done[1], 10));
    else if (text.length < 16 && /^\x1b(\[[0-?]*[ -/]*)?$/.test(text)) return;
    this.#escape = '';
  }

  #run(name, n) {
    const count = n || 1;
    if (name === 'C') this.#right(count);
    else if (name === 'D') this.#at = Math.max(0, this.#at - count);
    else if (name === 'G') this.#at = Math.min(count - 1, 1000);
    else if (name === 'K' && n === 2) this.#chars = [];
    else if (name === 'K' && n === 1) this.#chars.fill(' ', 0, this.#at + 1);
    else if (name === 'K') this.#chars.length = Math.min(this.#chars.length, this.#at);
    else if (name === 'J' && n === 2) {
      this.#lines.textContent = this.#new.textContent = '';
      this.#chars = [];
      this.#at = 0;
    }
  }
}
