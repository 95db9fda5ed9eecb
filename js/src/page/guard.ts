/**
 * The first script of the page. It forbids all connections, unless the program that serves the page has put
 * the place of a stream or a file into the head; then the policy of the page allows its own origin only.
 */

if (document.querySelector('meta[name="wscodec-live"], meta[name="wscodec-file"]') === null) {
  const policy = document.createElement("meta");
  policy.httpEquiv = "Content-Security-Policy";
  policy.content = "connect-src 'none'";
  document.head.append(policy);
}
