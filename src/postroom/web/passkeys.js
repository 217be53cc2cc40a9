// Passkeys: a form with data-passkey="create" or "get" asks the authenticator for what its
// data-options say (the JSON of Web Authentication) and sends the answer in its field "answer".
"use strict";
(() => {
  const octets = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (list) => (list || []).map((one) => ({ ...one, id: octets(one.id) }));

  const options = {
    create: (o) => ({ ...o, challenge: octets(o.challenge), user: { ...o.user, id: octets(o.user.id) },
      excludeCredentials: named(o.excludeCredentials) }),
    get: (o) => ({ ...o, challenge: octets(o.challenge), allowCredentials: named(o.allowCredentials) }),
  };
  const FIELDS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

  const answer = (found) => {
    const response = {};
    for (const name of FIELDS) if (found.response[name]) response[name] = text(found.response[name]);
    const id = text(found.rawId);
    return JSON.stringify({ id, rawId: id, type: found.type, response });
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    const kind = form.dataset.passkey;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      const asked = options[kind](JSON.parse(form.dataset.options).publicKey);
      try {
        const found = await navigator.credentials[kind]({ publicKey: asked });
        form.elements.answer.value = answer(found);
        form.requestSubmit();
      } catch (error) {
        form.querySelector("[role=status]").textContent = `No passkey was used: ${error.message}`;
      }
    });
  }
})();
