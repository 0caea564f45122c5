"""How training a masked network is computed: one interface, several ways, and the plan that picks one."""
