package api

var functionRoutes []route
