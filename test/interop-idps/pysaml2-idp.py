"""An identity provider on pysaml2, for the interop suite: one folder of settings, one port on the loopback interface.

    python3 pysaml2-idp.py <folder> <port>

<folder>/settings.json is read anew for each request: {signing: {key, certificate}, beside: [certificate file],
user: {username, password, mail, name, groups}, partners: [{metadata: file, signedRequests, encryptedAssertions,
responseOnly, sha1, logoutBinding}]}. Whatever SAML there is to read, check or write is pysaml2's to do, and xmlsec1's.
"""

import functools
import hashlib
import hmac
import html
import json
import secrets
import sys
import traceback
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import saml2.entity
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORD
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.sigver import verify_redirect_signature
from saml2.xmldsig import DIGEST_SHA1, DIGEST_SHA256, SIG_RSA_SHA1, SIG_RSA_SHA256

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
BASE = f"http://127.0.0.1:{PORT}"
ENTITY_ID = f"{BASE}/metadata"
COOKIE = "pysaml2-idp"

# pysaml2 encrypts with triple DES unless told otherwise, and tells nobody how: the algorithm is an argument's default.
saml2.entity.pre_encryption_part = functools.partial(
    saml2.entity.pre_encryption_part, msg_enc="http://www.w3.org/2009/xmlenc11#aes256-gcm"
)

sessions = {}  # cookie -> {"name_ids": {partner entity id: NameID}, "logout": state while a logout is under way}
waiting = {}  # one-time key of a login form -> what to answer once the person has signed in


class Refused(Exception):
    """A message that this provider does not accept; the text says why."""


def settings():
    return json.loads((FOLDER / "settings.json").read_text())


def provider(given, must_be_signed=False):
    """pysaml2's server for the settings of this moment."""
    both = [BINDING_HTTP_REDIRECT, BINDING_HTTP_POST]
    config = IdPConfig().load(
        {
            "entityid": ENTITY_ID,
            "key_file": given["signing"]["key"],
            "cert_file": given["signing"]["certificate"],
            "additional_cert_files": given["beside"],
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "metadata": {"local": [partner["metadata"] for partner in given["partners"]]},
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [(f"{BASE}/sso", binding) for binding in both],
                        "single_logout_service": [(f"{BASE}/slo", binding) for binding in both],
                    },
                    "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                    "want_authn_requests_signed": must_be_signed,
                    # SHA-1 unless told otherwise, and told anywhere but here it does not hear.
                    "signing_algorithm": SIG_RSA_SHA256,
                    "digest_algorithm": DIGEST_SHA256,
                    "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_URI}},
                }
            },
        }
    )
    server = Server(config=config)
    encrypt = server.sec.encrypt_assertion
    server.sec.encrypt_assertion = functools.partial(encrypt, key_type="aes-256")
    return server


def partner_of(given, entity_id):
    for partner in given["partners"]:
        if f'entityID="{entity_id}"' in Path(partner["metadata"]).read_text():
            return partner
    raise Refused(f"{entity_id} is no partner of this provider")


def name_of(user, partner, policy):
    """The mail address where the request's NameIDPolicy asks for one; else a value of this partner's own."""
    if policy is not None and policy.format == NAMEID_FORMAT_EMAILADDRESS:
        return NameID(format=NAMEID_FORMAT_EMAILADDRESS, text=user["mail"])
    value = hmac.new(b"interop", f"{user['username']} {partner}".encode(), hashlib.sha256).hexdigest()
    return NameID(format=NAMEID_FORMAT_PERSISTENT, name_qualifier=ENTITY_ID, sp_name_qualifier=partner, text=value)


def check_redirect_signature(server, query, issuer):
    """The Redirect binding signs the query, which pysaml2 leaves to its caller to ask for."""
    if not query.get("Signature") or not query.get("SigAlg"):
        raise Refused("the query is not signed")
    certificates = server.metadata.certs(issuer, "spsso", "signing")
    if not any(verify_redirect_signature(query, server.sec.sec_backend, certificate) for certificate in certificates):
        raise Refused("the signature of the query is wrong")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        self.serve("GET", dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.serve("POST", dict(parse_qsl(body)))

    def serve(self, method, fields):
        self.method, self.given = method, settings()
        routes = {
            "/metadata": self.metadata,
            "/sso": self.single_sign_on,
            "/login": self.login,
            "/slo": self.single_logout,
            "/portal/login": self.portal_login,
            "/portal/logout": self.portal_logout,
        }
        try:
            route = routes.get(urlsplit(self.path).path)
            if route is None:
                return self.answer(404, "nothing here")
            route(fields)
        except Refused as refusal:
            self.answer(403, f"refused: {html.escape(str(refusal))}")
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc()
            self.answer(400, f"refused by pysaml2: {html.escape(repr(error))}")

    # -- what it serves -------------------------------------------------------------------------------------------

    def metadata(self, _fields):
        config = provider(self.given, must_be_signed=False).config
        self.answer(200, str(entity_descriptor(config)), content_type="application/samlmetadata+xml")

    def single_sign_on(self, fields):
        redirect = self.method == "GET"
        binding = BINDING_HTTP_REDIRECT if redirect else BINDING_HTTP_POST
        server = provider(self.given)
        request = server.parse_authn_request(fields["SAMLRequest"], binding).message
        if partner_of(self.given, request.issuer.text).get("signedRequests"):
            if redirect:
                check_redirect_signature(server, fields, request.issuer.text)
            else:
                if request.signature is None:
                    raise Refused("the AuthnRequest is not signed")
                provider(self.given, must_be_signed=True).parse_authn_request(fields["SAMLRequest"], binding)
        self.sign_in(
            {
                **server.response_args(request, [BINDING_HTTP_POST]),
                "relay_state": fields.get("RelayState"),
                "force": request.force_authn == "true",
                "passive": request.is_passive == "true",
            }
        )

    def portal_login(self, fields):
        server = provider(self.given)
        service = "assertion_consumer_service"
        _, destination = server.pick_binding(service, [BINDING_HTTP_POST], "spsso", entity_id=fields["sp"])
        self.sign_in(
            {
                "in_response_to": None,
                "sp_entity_id": fields["sp"],
                "destination": destination,
                "relay_state": fields.get("RelayState"),
                "force": False,
            }
        )

    def sign_in(self, wanted):
        session = self.session()
        if session is not None and not wanted["force"]:
            return self.respond(session, wanted)
        key = secrets.token_urlsafe()
        waiting[key] = wanted
        self.answer(
            200,
            f'<form method="post" action="/login"><input type="hidden" name="key" value="{key}">'
            '<input name="username"><input type="password" name="password"><button>Sign in</button></form>',
        )

    def login(self, fields):
        user = self.given["user"]
        if (fields.get("username"), fields.get("password")) != (user["username"], user["password"]):
            raise Refused("wrong name or password")
        wanted = waiting.pop(fields["key"])
        cookie = secrets.token_urlsafe()
        sessions[cookie] = {"name_ids": {}}
        self.respond(sessions[cookie], wanted, cookie)

    def respond(self, session, wanted, cookie=None):
        server, user, partner = provider(self.given), self.given["user"], wanted["sp_entity_id"]
        options = partner_of(self.given, partner)
        name_id = name_of(user, partner, wanted.get("name_id_policy"))
        weak = {"sign_alg": SIG_RSA_SHA1, "digest_alg": DIGEST_SHA1} if options.get("sha1") else {}
        response = server.create_authn_response(
            {"mail": [user["mail"]], "displayName": [user["name"]], "isMemberOf": user["groups"]},
            wanted["in_response_to"],
            wanted["destination"],
            partner,
            name_id=name_id,
            authn={"class_ref": PASSWORD, "authn_auth": ENTITY_ID},
            sign_response=True,
            sign_assertion=not options.get("responseOnly", False),
            encrypt_assertion=options.get("encryptedAssertions", False),
            **weak,
        )
        session["name_ids"][partner] = name_id
        self.send(server, BINDING_HTTP_POST, response, wanted["destination"], wanted["relay_state"], True, cookie)

    # -- logout ---------------------------------------------------------------------------------------------------

    def portal_logout(self, _fields):
        session = self.session()
        if session is None:
            return self.answer(200, "nobody is signed in")
        session["logout"] = {"left": list(session["name_ids"]), "failed": []}
        self.log_out_next(session)

    def log_out_next(self, session):
        """One partner after the other hears of it; then whoever asked gets his answer."""
        server, state = provider(self.given), session["logout"]
        if state["left"]:
            partner = state["left"].pop()
            post = partner_of(self.given, partner).get("logoutBinding") == "post"
            binding = BINDING_HTTP_POST if post else BINDING_HTTP_REDIRECT
            binding, destination = server.pick_binding("single_logout_service", [binding], "spsso", entity_id=partner)
            request_id, request = server.create_logout_request(
                destination,
                partner,
                name_id=session["name_ids"].pop(partner),
                expire=saml2.time_util.in_a_while(minutes=5),
                sign=post,
            )
            state["sent"] = {"id": request_id, "partner": partner}
            return self.send(server, binding, request, destination, secrets.token_urlsafe(), False)
        self.end_session()
        asked = state.get("asked")
        if asked is None:
            failed = ", ".join(state["failed"])
            return self.answer(200, f"logged out, but not from {failed}" if failed else "logged out everywhere")
        post = asked["binding"] == BINDING_HTTP_POST
        response = server.create_logout_response(asked["request"], [asked["binding"]], sign=post)
        self.send(server, asked["binding"], response, asked["to"], asked["relay_state"], True)

    def single_logout(self, fields):
        binding = BINDING_HTTP_REDIRECT if self.method == "GET" else BINDING_HTTP_POST
        if "SAMLResponse" in fields:
            return self.logout_answered(fields, binding)
        server = provider(self.given, must_be_signed=binding == BINDING_HTTP_POST)
        request = server.parse_logout_request(fields["SAMLRequest"], binding).message
        partner = request.issuer.text
        if binding == BINDING_HTTP_REDIRECT:
            check_redirect_signature(server, fields, partner)
        elif request.signature is None:
            raise Refused("the LogoutRequest is not signed")
        session = self.session_of(partner, request.name_id)
        if session is None:
            raise Refused(f"nobody of the name {request.name_id} is signed in to {partner}")
        del session["name_ids"][partner]
        asked = {"request": request, "binding": binding, "relay_state": fields.get("RelayState")}
        asked["to"] = server.response_args(request, [binding])["destination"]
        session["logout"] = {"left": list(session["name_ids"]), "failed": [], "asked": asked}
        self.log_out_next(session)

    def logout_answered(self, fields, binding):
        session = self.session()
        if session is None or "logout" not in session:
            raise Refused("a LogoutResponse that nobody waits for")
        server, state = provider(self.given), session["logout"]
        sent = state["sent"]
        if binding == BINDING_HTTP_REDIRECT:
            check_redirect_signature(server, fields, sent["partner"])
        answer = server.parse_logout_request_response(fields["SAMLResponse"], binding).response
        if binding == BINDING_HTTP_POST and answer.signature is None:
            raise Refused("the LogoutResponse is not signed")
        if answer.issuer.text != sent["partner"] or answer.in_response_to != sent["id"]:
            raise Refused("the LogoutResponse answers something else")
        if not answer.status.status_code.value.endswith(":Success"):
            state["failed"].append(sent["partner"])
        self.log_out_next(session)

    # -- the browser ----------------------------------------------------------------------------------------------

    def cookie(self):
        found = SimpleCookie(self.headers.get("Cookie") or "").get(COOKIE)
        return None if found is None else found.value

    def session(self):
        return sessions.get(self.cookie())

    def session_of(self, partner, name_id):
        """A cross-site POST comes without the cookie: then the name says whose session it is."""
        for session in [self.session(), *sessions.values()]:
            known = None if session is None else session["name_ids"].get(partner)
            if known is not None and str(known) == str(name_id):
                return session
        return None

    def end_session(self):
        sessions.pop(self.cookie(), None)

    def send(self, server, binding, message, destination, relay_state, is_response, cookie=None):
        sign = binding == BINDING_HTTP_REDIRECT
        options = {"response": is_response, "sign": sign, "sigalg": SIG_RSA_SHA256}
        http = server.apply_binding(binding, str(message), destination, relay_state or "", **options)
        location = dict(http["headers"]).get("Location")
        if location is not None:
            return self.answer(303, "", location=location, cookie=cookie)
        self.answer(200, http["data"], cookie=cookie)

    def answer(self, status, text, content_type="text/html; charset=utf-8", location=None, cookie=None):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        if cookie is not None:
            # Over https it would be Secure too: a partner's form must find the person signed in.
            self.send_header("Set-Cookie", f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=None")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
