// CloudFront Function, on requests for the API: what the client says about itself becomes the two
// headers that the API reads, and nothing that a client sends can pretend to be one of them.
//   x-hush-credential   "bearer KEY", "session TOKEN" or "none": the authorizer's identity source
//   x-hush-viewer       the client's address
const SESSION_COOKIE = "__Host-hush";

function handler(event) {
  const request = event.request;
  const headers = request.headers;
  for (const name of Object.keys(headers)) {
    if (name.startsWith("x-hush-")) delete headers[name];
  }
  headers["x-hush-credential"] = { value: credential(headers, request.cookies) };
  headers["x-hush-viewer"] = { value: event.viewer.ip };
  // Only sign-in reads cookies, and nobody behind the authorizer needs the key again.
  delete headers.authorization;
  if (!request.uri.startsWith("/auth/")) request.cookies = {};
  return request;
}

function credential(headers, cookies) {
  const authorization = headers.authorization ? headers.authorization.value : "";
  const bearer = /^bearer +(\S+) *$/i.exec(authorization);
  if (bearer) return "bearer " + bearer[1];
  const session = cookies[SESSION_COOKIE];
  return session && session.value ? "session " + session.value : "none";
}
