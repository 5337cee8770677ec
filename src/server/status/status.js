// What the page does beyond reading: it stays current, says how long ago things were, searches while
// you type, and goes to the search at `/`. Without it, everything can still be read.

const minRefreshMs = 1000;
const pollMs = 15_000;
const typingMs = 200;

/** Ids of what changed in the last refresh are shown for a moment. */
const flashed = 'flash';

let refreshing = false;
let again = false;
let lastRefresh = 0;
let events;
let poll;

/** Reads the page again and changes what differs, so that focus, scroll and open details stay. */
async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  clearTimeout(refresh.timer);
  try {
    const url = location.href;
    const answer = await fetch(url, { headers: { accept: 'text/html' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    // Somebody went on typing meanwhile.
    if (url === location.href) show(next);
  } catch {
    say('offline', false);
  } finally {
    lastRefresh = Date.now();
    refreshing = false;
    if (again) soon();
    again = false;
  }
}

/** At most one refresh a second, however often something happens. */
function soon() {
  clearTimeout(refresh.timer);
  refresh.timer = setTimeout(refresh, Math.max(0, lastRefresh + minRefreshMs - Date.now()));
}

function show(next) {
  document.body.dataset.version = next.body.dataset.version;
  document.title = next.title;
  const before = new Map(rows().map((row) => [row.id, row.textContent]));
  for (const part of ['header', 'main', 'footer']) {
    const [from, to] = [document.querySelector(part), next.querySelector(part)];
    if (from && to) morph(from, to);
  }
  for (const row of rows()) {
    if (before.has(row.id) && before.get(row.id) !== row.textContent) flash(row);
  }
  tick();
}

function rows() {
  return [...document.querySelectorAll('#rows > [id]')];
}

function flash(row) {
  row.classList.add(flashed);
  row.addEventListener('animationend', () => row.classList.remove(flashed), { once: true });
}

/** Makes `from` like `to`. Children are matched by id, else by their place. */
function morph(from, to) {
  sync(from, to);
  const known = new Map([...from.children].filter((one) => one.id).map((one) => [one.id, one]));
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const own = wanted.id ? known.get(wanted.id) : at;
    if (own && isAlike(own, wanted)) {
      if (own === at) at = at.nextSibling;
      else from.insertBefore(own, at);
      update(own, wanted);
    } else {
      from.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function isAlike(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.id === other.id;
}

function update(own, wanted) {
  if (own.nodeType === Node.TEXT_NODE) {
    if (own.data !== wanted.data) own.data = wanted.data;
  } else if (own.id !== 'live') {
    morph(own, wanted);
  }
}

/** What the reader opened stays open. */
function sync(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== 'open') from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && name !== 'open') from.setAttribute(name, value);
  }
}

function say(text, isOn) {
  const live = document.getElementById('live');
  if (!live) return;
  live.hidden = false;
  live.classList.toggle('on', isOn);
  if (live.textContent !== text) live.textContent = text;
}

/** Nobody needs news of a page that nobody sees; a browser has few connections for each host. */
function follow() {
  if (document.hidden) {
    events?.close();
    events = undefined;
    clearInterval(poll);
    return;
  }
  if (events) return;
  events = new EventSource('/events');
  events.addEventListener('open', () => {
    clearInterval(poll);
    say('live', true);
  });
  events.addEventListener('pass', ({ data }) => {
    const { version, at } = JSON.parse(data);
    if (version !== document.body.dataset.version) soon();
    else sinceLastPass(at);
  });
  events.addEventListener('error', () => {
    clearInterval(poll);
    const isOver = events?.readyState === EventSource.CLOSED;
    say(isOver ? 'every 15 s' : 'reconnecting', false);
    if (isOver) poll = setInterval(refresh, pollMs);
  });
}

function sinceLastPass(at) {
  const time = document.getElementById('as-of');
  if (!time || at.length !== 1 || at[0] === null) return;
  time.dateTime = new Date(at[0]).toISOString();
  tick();
}

function tick() {
  for (const time of document.querySelectorAll('time')) time.textContent = ago(time.dateTime);
}

function ago(iso) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

function searchAsTyped() {
  let typing;
  document.addEventListener('input', ({ target }) => {
    if (target.id !== 'q' || target.form.dataset.typed === 'no') return;
    clearTimeout(typing);
    typing = setTimeout(() => {
      const query = new URLSearchParams(new FormData(target.form));
      if (query.get('q') === '') query.delete('q');
      const path = new URL(target.form.action).pathname;
      history.replaceState(null, '', query.size > 0 ? `${path}?${query}` : path);
      void refresh();
    }, typingMs);
  });
}

function keys() {
  document.addEventListener('keydown', (event) => {
    const search = document.getElementById('q');
    const isTyping = event.target.closest?.('input, textarea, select, [contenteditable]');
    if (event.key === '/' && search && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
      search.select();
    }
    if (event.key === 'Escape' && event.target === search) search.blur();
  });
}

tick();
setInterval(() => document.hidden || tick(), 1000);
searchAsTyped();
keys();
document.addEventListener('visibilitychange', () => {
  follow();
  if (!document.hidden) tick();
});
follow();
