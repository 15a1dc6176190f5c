// Answers the page's own addresses (/sessions/17) with index.html, as the API does where it serves the page itself.
//
// A name with a dot in its last part is a file (/favicon.svg), and so is everything below /assets/: if it is not
// there, that is a 404 and not a page. Addresses below /stations/ hold names of stations, which may have dots.
function handler(event) {
  var request = event.request;
  var last = request.uri.substring(request.uri.lastIndexOf("/") + 1);
  var isBelowRoot = request.uri.lastIndexOf("/") > 0;
  var isFile = request.uri.indexOf("/assets/") === 0 || (!isBelowRoot && last.indexOf(".") !== -1);
  if (!isFile) {
    request.uri = "/index.html";
  }
  return request;
}
