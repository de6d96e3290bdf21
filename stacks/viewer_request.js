// CloudFront Function, on requests for the API and for the administrators' page, which is called
// otherwise in the bucket. For the API, what the client says about itself becomes the two
// headers that the API reads, and nothing that a client sends can pretend to be one of them.
//   x-hush-credential   "bearer KEY", "session TOKEN" or "none": the authorizer's identity source
//   x-hush-viewer       the client's address
// API Gateway remembers decisions by the credential alone, so whether a session came from the page
// itself, and not from another site that makes the browser send it, is decided here each time.
const SESSION_COOKIE = "__Host-hush";
const LONGEST_CREDENTIAL = 4096;
const ADMIN_PAGE = "/admin", ADMIN_FILE = "/admin.html";
const READING = ["GET", "HEAD", "OPTIONS"];

function handler(event) {
  const request = event.request;
  const headers = request.headers;
  if (request.uri === ADMIN_PAGE) {
    request.uri = ADMIN_FILE;
    return request;
  }
  // CloudFront's JavaScript is an older one, without for-of.
  Object.keys(headers).forEach(function (name) {
    if (name.startsWith("x-hush-")) delete headers[name];
  });
  const signingIn = request.uri.startsWith("/auth/");
  const key = bearer(headers);
  const session = key ? "" : cookie(request.cookies);
  if (Math.max(key.length, session.length) > LONGEST_CREDENTIAL) {
    return refusal(431, "Request Header Fields Too Large", "too_large", "the key or session is too long");
  }
  if (session && !READING.includes(request.method) && !fromThePage(headers)) {
    return refusal(403, "Forbidden", "cross_site", "a session can be used from its own page alone");
  }
  // Coming back from GitHub is a way in from another site as well.
  const elsewhere = !signingIn && value(headers, "sec-fetch-site") === "cross-site";
  headers["x-hush-credential"] = {
    value: key ? "bearer " + key : session && !elsewhere ? "session " + session : "none",
  };
  headers["x-hush-viewer"] = { value: event.viewer.ip };
  // Only sign-in reads cookies, and nobody behind the authorizer needs the key again.
  delete headers.authorization;
  if (!signingIn) request.cookies = {};
  return request;
}

function value(headers, name) {
  return headers[name] ? headers[name].value : "";
}

function bearer(headers) {
  const found = /^bearer +(\S+) *$/i.exec(value(headers, "authorization"));
  return found ? found[1] : "";
}

function cookie(cookies) {
  return cookies[SESSION_COOKIE] ? cookies[SESSION_COOKIE].value : "";
}

function fromThePage(headers) {
  return value(headers, "origin") === "https://" + value(headers, "host");
}

function refusal(status, words, code, message) {
  const type = status === 403 ? "permission_error" : "invalid_request_error";
  const error = { message: message, type: type, param: null, code: code };
  return {
    statusCode: status,
    statusDescription: words,
    headers: { "content-type": { value: "application/json" }, "cache-control": { value: "no-store" } },
    body: { encoding: "text", data: JSON.stringify({ error: error }) },
  };
}
