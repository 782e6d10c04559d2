"""A page that runs exported files in a browser, and a server for it."""

from kerasseg.page.runtime import runtime_files
from kerasseg.page.server import Server
from kerasseg.page.site import site_files
from kerasseg.page.site import write_site

__all__ = ["Server", "runtime_files", "site_files", "write_site"]
