// Sends the file that is dropped on, or chosen in, a .k-drop; the server hears how it ended.
(() => {
  let sending = null;

  const told = (zone, text) => { zone.querySelector('.k-drop-said').textContent = text; };
  const shown = (zone, part) => {
    zone.querySelector('progress').value = part;
    told(zone, zone.dataset.sending.replace('{percent}', String(Math.floor(100 * part))));
  };
  const ended = (zone, answer) => {
    sending = null;
    zone.classList.remove('k-sending');
    told(zone, '');
    emitEvent('kanarya-upload', answer);
  };
  const answered = (request, zone) => {
    try {
      return JSON.parse(request.responseText);
    } catch {
      return { error: zone.dataset.broken, ours: true };
    }
  };
  const known = (zone, name) =>
    zone.dataset.endings.split(',').some((ending) => name.toLowerCase().endsWith(ending));

  function send(zone, file) {
    if (!file || sending) return;
    if (file.size > Number(zone.dataset.limit)) return ended(zone, { error: zone.dataset.large, ours: true });
    if (!known(zone, file.name)) return ended(zone, { error: zone.dataset.kinds, ours: true });
    const request = new XMLHttpRequest();
    sending = request;
    zone.classList.add('k-sending');
    shown(zone, 0);
    request.upload.onprogress = (event) => shown(zone, event.total ? event.loaded / event.total : 0);
    request.onload = () => ended(zone, answered(request, zone));
    request.onerror = () => ended(zone, { error: zone.dataset.broken, ours: true });
    request.onabort = () => ended(zone, {});
    request.open('POST', `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.send(file);
  }

  const zoneOf = (event) => (event.target.closest ? event.target.closest('.k-drop') : null);
  document.addEventListener('change', (event) => {
    if (!event.target.matches('.k-drop input[type=file]')) return;
    send(zoneOf(event), event.target.files[0]);
    event.target.value = '';
  });
  document.addEventListener('click', (event) => {
    if (event.target.closest('.k-drop-cancel') && sending) {
      event.preventDefault();
      sending.abort();
    }
  });
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    document.addEventListener(kind, (event) => {
      const zone = zoneOf(event);
      // A file that misses the place would be opened instead of the page, and what is filled in lost.
      if (zone || [...event.dataTransfer.types].includes('Files')) event.preventDefault();
      if (!zone) return;
      zone.classList.toggle('k-over', kind === 'dragenter' || kind === 'dragover');
      if (kind === 'drop') send(zone, event.dataTransfer.files[0]);
    });
  }
  window.addEventListener('beforeunload', (event) => { if (sending) event.preventDefault(); });
})();
