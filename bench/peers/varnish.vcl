# Varnish: its built-in VCL. Its parameters stand in bench/hit.py. It asks the API for gzip of its own accord, and stores that.
vcl 4.1;
backend default {
  .host = "127.0.0.1";
  .port = "@origin@";
}
