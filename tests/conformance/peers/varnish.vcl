# Varnish: its built-in VCL. peers.sh starts it with default_ttl and default_grace at 0, so that nothing is stored or kept in use that the
# origin gave no lifetime, and with a default_keep, without which it does not validate.
vcl 4.1;
backend default {
  .host = "127.0.0.1";
  .port = "@origin@";
}
