"""
The pages: the front desk in a browser, over the same acts as the REST service.

A page reads what was typed, calls the desk and renders a template. Each is whole on
its own and works without JavaScript; with it, parts of one page are put into another.
"""
