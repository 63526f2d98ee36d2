// Asks the service; the token, where one is needed, stays with this tab.

const locked = document.querySelector("#locked");

export async function ask(path, options = {}) {
  const token = sessionStorage.getItem("token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) {
    await unlock();
    return ask(path, options);
  }
  return response;
}

export const post = async (path, blob) => (await ask(path, { method: "POST", body: blob })).json();

function unlock() {
  if (!locked.open) locked.showModal();
  return new Promise((resolve) => {
    locked.addEventListener("close", () => {
      sessionStorage.setItem("token", document.querySelector("#token").value.trim());
      resolve();
    }, { once: true });
  });
}

// One answer of the two that the service gives: `read` finds all digits, `predict` knows one best.
export function joined(reading, single) {
  if (reading.error && single.error) return { digits: [], text: "", code: reading.code ?? single.code, error: reading.error };
  const digits = (reading.lines ?? []).flatMap((line) => line.digits);
  if (digits.length < 2 && single.probabilities) {
    const digit = { value: single.probabilities.indexOf(Math.max(...single.probabilities)), ...single };
    return { digits: [{ ...digit, box: digits[0]?.box }], text: `${digit.value}`, confidence: single.confidence, size: reading.size };
  }
  return { digits, text: reading.full_text ?? "", confidence: reading.confidence, size: reading.size, code: digits.length ? null : "no_digit" };
}
