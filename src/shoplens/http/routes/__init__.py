"""One short file per application: parse, call, return."""

from starlette.convertors import register_url_convertor

from shoplens.http.path_ids import IdConvertor

register_url_convertor("id", IdConvertor())  # before any route names it
